"""Images that other steps gave: noise taken out."""
