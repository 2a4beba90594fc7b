"""Documents that are printed, as PDF: the passeport professionnel, the notice to families."""
