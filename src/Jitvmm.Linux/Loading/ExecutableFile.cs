using System.Text;
using Jitvmm.Linux.Files;
using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux.Loading;

/// <summary>A file opened for execution. Holds a use of it.</summary>
public sealed unsafe class ExecutableFile : IDisposable
{
    private readonly OpenFile _file;
    private readonly int _hostFd;

    /// <summary>Takes over a use of an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Guest path it was asked for by.</param>
    /// <param name="place">Guest path it has, links resolved.</param>
    public ExecutableFile(OpenFile file, byte[] path, byte[] place)
    {
        _file = file;
        _hostFd = file.HostFd;
        int hostFd = _hostFd;
        Path = path;
        ulong* stat = stackalloc ulong[18];
        Size = HostCalls.Raw(5, (ulong)hostFd, (ulong)stat) == 0 ? stat[6] : 0;
        IsRegular = (stat[3] & 0xf000) == 0x8000;
        Mode = (uint)stat[3];
        OwnerUser = (uint)(stat[3] >> 32);
        OwnerGroup = (uint)stat[4];
        Identity = MappedFile.Of(hostFd, stat[0], stat[1], place);
    }

    public int HostFd => _hostFd;

    /// <summary>Guest path it was asked for by.</summary>
    public byte[] Path { get; }

    public MappedFile Identity { get; }

    public ulong Size { get; }

    public bool IsRegular { get; }

    /// <summary>st_mode, st_uid and st_gid: for permission and set-user-id decisions.</summary>
    public uint Mode { get; }

    public uint OwnerUser { get; }

    public uint OwnerGroup { get; }

    /// <summary>The path for messages.</summary>
    public string DisplayPath => Encoding.UTF8.GetString(Path);

    /// <summary>Fills the buffer from an offset; the number of bytes there were, or a negated error.</summary>
    public long ReadAt(ulong offset, Span<byte> buffer)
    {
        fixed (byte* to = buffer)
        {
            int done = 0;
            while (done < buffer.Length)
            {
                long count = HostCalls.Raw(17, (ulong)_hostFd, (ulong)(to + done), (ulong)(buffer.Length - done), offset + (ulong)done);
                if (count == -Errno.EINTR)
                {
                    continue;
                }

                if (count <= 0)
                {
                    return done > 0 ? done : count;
                }

                done += (int)count;
            }

            return done;
        }
    }

    public void Dispose() => _file.Release();
}
