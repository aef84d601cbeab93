"""Programs that request, and the places that rows are read from.

`client` and `keyfile` may import `governance.signing` and `governance.errors`, and nothing else of ours, so that a
partner takes them into a notebook or an ETL job. `sources` sees the model, ports and errors only.
"""
