"""The subcommands of `vigie`, one module each: options in, a call, an answer out.

A module declares its command when `register` is called and imports what it runs only when it runs,
so that `vigie --help` does not wait for Kafka clients and data frames.
"""
