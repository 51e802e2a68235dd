using System.Runtime.InteropServices;

namespace Jitvmm.Linux.Files;

/// <summary>struct iovec with a host address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct HostVector
{
    public ulong Base;
    public ulong Length;

    /// <summary>
    /// Copies a guest's iovec array, its addresses made the host's.
    /// </summary>
    /// <returns>0, -EFAULT, or -EINVAL for a length the kernel would refuse.</returns>
    public static int Read(GuestThread thread, ulong address, int count, HostVector* vectors, bool writesMemory)
    {
        if (!thread.TryReadBytes(address, new Span<byte>(vectors, count * sizeof(HostVector))))
        {
            return -Errno.EFAULT;
        }

        ulong left = GuestThread.MaximumTransfer;
        for (int i = 0; i < count; i++)
        {
            ulong length = vectors[i].Length;
            if ((long)length < 0)
            {
                return -Errno.EINVAL;
            }

            // The kernel stops at the same total, so nothing past it is touched.
            length = Math.Min(length, left);
            left -= length;
            vectors[i].Length = length;
            vectors[i].Base = length == 0 ? 0
                : writesMemory ? thread.TargetPointer(vectors[i].Base, length)
                : thread.SourcePointer(vectors[i].Base, length);
        }

        return 0;
    }
}
