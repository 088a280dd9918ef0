"""Reelworks: from a video in a folder to posters, a ladder, HLS and DASH, history and alerts."""
