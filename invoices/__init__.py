"""Documents, totals and payments. An invoice is made of lines and need not know what a plan or a meter is."""
