"""What a worker process of one side does. It answers requests and computes only while it has one."""
