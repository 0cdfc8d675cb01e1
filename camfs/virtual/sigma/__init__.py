"""What an emulated SIGMA fp has beyond PTP: remote control by the host, from ConfigApi to CloseApplication."""
