"""The emulated SIGMA fp's API life: what ConfigApi begins and CloseApplication ends (reference sigma-fp, section 23)."""
