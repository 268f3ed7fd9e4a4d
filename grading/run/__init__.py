"""Running submissions: `worker` grades one, `execute` runs a sheet in the sandbox, `outputs` makes what it sent safe,
`schedule` and `cluster` say where and in which order, `pool` makes and ends the processes.
"""
