"""Who is here, who is billed, and with which card."""
