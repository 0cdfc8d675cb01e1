"""What the drivers of cameras share that a computer can control: the spool, remote control, and a driver for bodies of any maker."""
