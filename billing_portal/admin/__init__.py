"""Staff's pages that join rooms, and the site they stand on."""
