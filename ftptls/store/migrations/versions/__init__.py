"""The steps. One that was released is never changed: what differs is a further one."""
