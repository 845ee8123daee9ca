"""Why a model says what it says: tiles, Grad-CAM, genes, clinical values, modalities. All in calibrated logit."""
