"""Executors: where attempts run. `contract` says what each must do, `local` runs them on this machine."""
