namespace Jitvmm.Devices.Xen;

/// <summary>How a request of the store can fail; the names are what goes over the wire (xen/include/public/io/xs_wire.h).</summary>
internal enum StoreError
{
    None,
    EINVAL,
    EACCES,
    EEXIST,
    ENOENT,
    ENOSPC,
    ENOSYS,
    EBUSY,
    EAGAIN,
    E2BIG,
    EPERM,
}
