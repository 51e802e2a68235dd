using System.Runtime.CompilerServices;
using System.Text;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <content>Access to guest memory by system calls. Nothing here throws, whatever other threads unmap meanwhile.</content>
public sealed unsafe partial class GuestThread
{
    /// <summary>Longest path the kernel takes, its terminator included (PATH_MAX).</summary>
    public const int PathMax = 4096;

    /// <summary>Addresses and lengths in turn.</summary>
    private ulong[] _kernelWrites = new ulong[8];

    private int _kernelWriteCount;

    /// <summary>Reads a value; false (EFAULT) when any byte is not readable.</summary>
    public bool TryRead<T>(ulong address, out T value)
        where T : unmanaged
    {
        Unsafe.SkipInit(out value);
        T buffer;
        if (!AddressSpace.InWindow(address, (ulong)sizeof(T)) || !HostCalls.TryCopy(&buffer, Memory.HostBase + address, (ulong)sizeof(T)))
        {
            value = default;
            return false;
        }

        value = buffer;
        return true;
    }

    /// <summary>Writes a value; false (EFAULT) when any byte is not writable.</summary>
    public bool TryWrite<T>(ulong address, T value)
        where T : unmanaged
    {
        if (!AddressSpace.InWindow(address, (ulong)sizeof(T)))
        {
            return false;
        }

        bool isWritten = HostCalls.TryCopy(Memory.HostBase + address, &value, (ulong)sizeof(T));
        Memory.InvalidateCode(address, (ulong)sizeof(T));
        return isWritten;
    }

    /// <summary>Fills <paramref name="destination"/> from guest memory; false (EFAULT) when any byte is not readable.</summary>
    public bool TryReadBytes(ulong address, Span<byte> destination)
    {
        if (!AddressSpace.InWindow(address, (ulong)destination.Length))
        {
            return false;
        }

        fixed (byte* to = destination)
        {
            return HostCalls.TryCopy(to, Memory.HostBase + address, (ulong)destination.Length);
        }
    }

    /// <summary>Copies <paramref name="source"/> to guest memory; false (EFAULT) when any byte is not writable.</summary>
    public bool TryWriteBytes(ulong address, ReadOnlySpan<byte> source)
    {
        if (!AddressSpace.InWindow(address, (ulong)source.Length))
        {
            return false;
        }

        fixed (byte* from = source)
        {
            bool isWritten = HostCalls.TryCopy(Memory.HostBase + address, from, (ulong)source.Length);
            Memory.InvalidateCode(address, (ulong)source.Length);
            return isWritten;
        }
    }

    /// <summary>
    /// Reads a zero-terminated string into <paramref name="buffer"/>.
    /// </summary>
    /// <returns>Its length without the terminator, -EFAULT, or -ENAMETOOLONG when no terminator fits.</returns>
    public int TryReadString(ulong address, Span<byte> buffer)
    {
        int done = 0;
        while (done < buffer.Length)
        {
            // Up to the page's end at a time: the string may end before an unmapped page.
            ulong at = address + (ulong)done;
            int chunk = (int)Math.Min(AddressSpace.PageSize - (at & (AddressSpace.PageSize - 1)), (ulong)Math.Min(buffer.Length - done, 256));
            Span<byte> part = buffer.Slice(done, chunk);
            if (!TryReadBytes(at, part))
            {
                return -Errno.EFAULT;
            }

            int end = part.IndexOf((byte)0);
            if (end >= 0)
            {
                return done + end;
            }

            done += chunk;
        }

        return -Errno.ENAMETOOLONG;
    }

    /// <summary>Reads a path. Null with <paramref name="error"/> = -EFAULT or -ENAMETOOLONG. Bytes map to characters one to one (Latin-1), so any name survives.</summary>
    public string? ReadPath(ulong address, out int error)
    {
        Span<byte> buffer = stackalloc byte[PathMax];
        int length = TryReadString(address, buffer);
        if (length < 0)
        {
            error = length;
            return null;
        }

        error = 0;
        return Encoding.Latin1.GetString(buffer[..length]);
    }

    /// <summary>
    /// What to give the host kernel for a guest pointer: null stays null, an address outside the guest's memory
    /// becomes one that the kernel refuses with EFAULT. Check ranges whose length the kernel does not bound by
    /// itself with <see cref="AddressSpace.InWindow"/>; the guard pages absorb 4 GiB.
    /// </summary>
    public ulong HostPointer(ulong address) =>
        address == 0 ? 0 : address < AddressSpace.Limit ? (ulong)Memory.HostBase + address : ulong.MaxValue & ~0xffful;

    /// <summary>As <see cref="HostPointer(ulong)"/> for a range: refused unless the whole range is in the window.</summary>
    public ulong HostPointer(ulong address, ulong length) =>
        address == 0 ? 0 : AddressSpace.InWindow(address, length) ? (ulong)Memory.HostBase + address : ulong.MaxValue & ~0xffful;

    /// <summary>Notes memory that the kernel is about to write in this call: when the call is done, translations of it are thrown away.</summary>
    public void BeforeKernelWrite(ulong address, ulong length)
    {
        if (address >= AddressSpace.Limit)
        {
            return;
        }

        if (_kernelWriteCount == _kernelWrites.Length)
        {
            Array.Resize(ref _kernelWrites, 2 * _kernelWriteCount);
        }

        _kernelWrites[_kernelWriteCount++] = address;
        _kernelWrites[_kernelWriteCount++] = Math.Min(length, AddressSpace.Limit - address);
    }

    private void AfterKernelWrites()
    {
        for (int i = 0; i < _kernelWriteCount; i += 2)
        {
            Memory.InvalidateCode(_kernelWrites[i], _kernelWrites[i + 1]);
        }

        _kernelWriteCount = 0;
    }
}
