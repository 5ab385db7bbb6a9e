"""Where pixels were: optical flow, the camera, what was visible; paints nothing."""
