"""What all pages stand on: the visit, the frame, forms, uploads, errors, assets, limits."""
