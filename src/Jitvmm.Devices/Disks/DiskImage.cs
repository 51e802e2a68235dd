using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Devices.Loading;

namespace Jitvmm.Devices.Disks;

/// <summary>One piece of host memory that a disk transfer goes from or to.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct TransferPiece(byte* address, nuint length)
{
    public readonly byte* Address = address;
    public readonly nuint Length = length;
}

/// <summary>
/// A raw disk: a file or block device of the host, locked while it is open, so that no two machines write it. Any thread; transfers may run at the same time.
/// </summary>
public sealed unsafe class DiskImage : IDisposable
{
    public const int SectorSize = 512;

    private const int ReadOnlyFlag = 0;
    private const int ReadWriteFlag = 2;
    private const int CloseOnExec = 0x80000;
    private const int SharedLock = 1;
    private const int ExclusiveLock = 2;
    private const int NonBlocking = 4;
    private const int SeekEnd = 2;
    private const int KeepSize = 1;
    private const int PunchHole = 2;
    private const int ZeroRange = 0x10;
    private const int Interrupted = 4;
    private const int WouldBlock = 11;

    private static readonly byte[] s_zeroes = new byte[1 << 16];

    private readonly int _file;
    private bool _disposed;

    /// <exception cref="BootException">It cannot be opened, or is in use.</exception>
    public DiskImage(string path, bool readOnly)
    {
        IsReadOnly = readOnly;
        byte[] name = Encoding.UTF8.GetBytes(path + "\0");
        fixed (byte* text = name)
        {
            _file = Open(text, (readOnly ? ReadOnlyFlag : ReadWriteFlag) | CloseOnExec);
        }

        if (_file < 0)
        {
            throw new BootException($"disk {path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }

        if (Lock(_file, (readOnly ? SharedLock : ExclusiveLock) | NonBlocking) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            _ = Close(_file);
            throw new BootException($"disk {path}: {(error == WouldBlock ? "in use by another machine" : Marshal.GetPInvokeErrorMessage(error))}");
        }

        Length = Seek(_file, 0, SeekEnd) & ~(SectorSize - 1L);
        if (Length <= 0)
        {
            _ = Close(_file);
            throw new BootException($"disk {path}: holds not even one sector of {SectorSize} bytes");
        }
    }

    /// <summary>Bytes, whole sectors.</summary>
    public long Length { get; }

    public bool IsReadOnly { get; }

    /// <summary>Whether a range of bytes is on the disk.</summary>
    public bool Contains(ulong offset, ulong length) => offset <= (ulong)Length && length <= (ulong)Length - offset;

    /// <summary>Reads into the pieces in turn. False: the host failed. The caller has checked the range.</summary>
    public bool Read(long offset, Span<TransferPiece> pieces) => Transfer(offset, pieces, false);

    public bool Write(long offset, Span<TransferPiece> pieces) => !IsReadOnly && Transfer(offset, pieces, true);

    /// <summary>Puts on the host's medium what was written.</summary>
    public bool Flush() => IsReadOnly || Synchronize(_file) == 0;

    /// <summary>Frees the host's space of a range, which then reads as zeroes or as before.</summary>
    public bool Discard(long offset, long length)
    {
        if (IsReadOnly)
        {
            return false;
        }

        // A host file system that cannot is no failure: discarding is a hint.
        _ = Allocate(_file, PunchHole | KeepSize, offset, length);
        return true;
    }

    /// <summary>Makes a range read as zeroes.</summary>
    public bool WriteZeroes(long offset, long length, bool mayFree)
    {
        if (IsReadOnly)
        {
            return false;
        }

        if (Allocate(_file, (mayFree ? PunchHole : ZeroRange) | KeepSize, offset, length) == 0)
        {
            return true;
        }

        fixed (byte* zeroes = s_zeroes)
        {
            while (length > 0)
            {
                int part = (int)Math.Min(length, s_zeroes.Length);
                Span<TransferPiece> piece = [new TransferPiece(zeroes, (nuint)part)];
                if (!Transfer(offset, piece, true))
                {
                    return false;
                }

                offset += part;
                length -= part;
            }
        }

        return true;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = Close(_file);
        }
    }

    private bool Transfer(long offset, Span<TransferPiece> pieces, bool writes)
    {
        fixed (TransferPiece* all = pieces)
        {
            TransferPiece* next = all;
            int left = pieces.Length;
            while (left > 0)
            {
                nint done = writes ? WritePieces(_file, next, Math.Min(left, 1024), offset) : ReadPieces(_file, next, Math.Min(left, 1024), offset);
                if (done < 0 && Marshal.GetLastPInvokeError() == Interrupted)
                {
                    continue;
                }

                if (done <= 0)
                {
                    return done == 0 && next->Length == 0 && Skip(ref next, ref left);
                }

                offset += done;
                while (left > 0 && (nuint)done >= next->Length)
                {
                    done -= (nint)next->Length;
                    next++;
                    left--;
                }

                if (left > 0 && done > 0)
                {
                    *next = new TransferPiece(next->Address + done, next->Length - (nuint)done);
                }
            }
        }

        return true;
    }

    /// <summary>Nothing but empty pieces is left.</summary>
    private static bool Skip(ref TransferPiece* next, ref int left)
    {
        while (left > 0 && next->Length == 0)
        {
            next++;
            left--;
        }

        return left == 0;
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open(byte* path, int flags);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int file);

    [DllImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static extern int Lock(int file, int operation);

    [DllImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static extern long Seek(int file, long offset, int origin);

    [DllImport("libc", EntryPoint = "preadv", SetLastError = true)]
    private static extern nint ReadPieces(int file, TransferPiece* pieces, int count, long offset);

    [DllImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    private static extern nint WritePieces(int file, TransferPiece* pieces, int count, long offset);

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static extern int Synchronize(int file);

    [DllImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static extern int Allocate(int file, int mode, long offset, long length);
}
