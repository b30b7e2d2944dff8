"""Object stores, and whatever else fsspec reaches, as a filesystem.

:mod:`~ftptls.vfs.objects.filesystem` keeps the rules of a filesystem;
:mod:`~ftptls.vfs.objects.stores` says what it asks of a store, which is
:mod:`~ftptls.vfs.objects.s3` or :mod:`~ftptls.vfs.objects.generic`.
"""
