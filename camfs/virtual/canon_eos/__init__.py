"""What an emulated Canon EOS body has beyond PTP."""
