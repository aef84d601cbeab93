"""The edge: OPA, the in-process engine, the store. Sees model, ports, errors and `audit`; decides nothing."""
