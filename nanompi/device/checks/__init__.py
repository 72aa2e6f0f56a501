"""Is the card of this machine right? The questions of `nanompi doctor --gpu`, seconds each."""
