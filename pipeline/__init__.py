"""Reelworks: drop a video into a watched folder, get posters, a ladder, HLS, DASH, history and alerts."""
