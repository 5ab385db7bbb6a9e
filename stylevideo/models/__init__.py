"""Networks and estimators: VGG-19, optical flow, and the device they run on. Knows no losses."""
