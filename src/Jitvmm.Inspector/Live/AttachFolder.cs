using System.Globalization;
using System.Text;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Inspector.Live;

/// <summary>Where guests that can be inspected have their sockets: <c>/tmp/jitvmm-USER/PROCESS</c>, in a folder that is the user's alone.</summary>
public static unsafe class AttachFolder
{
    private const long SysLinkStatus = 6;
    private const long SysMakeFolder = 83;
    private const uint KindMask = 0xf000;
    private const uint Folder = 0x4000;
    private const uint ForOthers = 0x3f;

    /// <summary>The calling user's.</summary>
    public static string Path => string.Create(CultureInfo.InvariantCulture, $"/tmp/jitvmm-{HostSocket.EffectiveUser}");

    /// <summary>The socket of a process.</summary>
    public static string SocketOf(int processId) => string.Create(CultureInfo.InvariantCulture, $"{Path}/{processId}");

    /// <summary>Makes the folder, if it is not there.</summary>
    /// <returns>Why it cannot be used; null when it can.</returns>
    public static string? Prepare()
    {
        const ulong UserOnly = 0x1c0;
        fixed (byte* path = (byte[])[.. Encoding.UTF8.GetBytes(Path), 0])
        {
            long error = HostCalls.Raw(SysMakeFolder, (ulong)path, UserOnly);
            if (error is < 0 and not -HostSocket.AlreadyThere)
            {
                return $"{Path} cannot be made: error {-error}";
            }
        }

        return Check();
    }

    /// <summary>Whether the folder is the user's own and nobody else's, whoever made it.</summary>
    /// <returns>What is wrong; null when nothing is.</returns>
    public static string? Check()
    {
        // struct stat: st_mode at 24, st_uid at 28.
        byte* status = stackalloc byte[144];
        fixed (byte* path = (byte[])[.. Encoding.UTF8.GetBytes(Path), 0])
        {
            if (HostCalls.Raw(SysLinkStatus, (ulong)path, (ulong)status) != 0)
            {
                return $"there is no folder {Path}";
            }
        }

        uint mode = *(uint*)(status + 24);
        uint owner = *(uint*)(status + 28);
        return (mode & KindMask) != Folder ? $"{Path} is no folder" : owner != HostSocket.EffectiveUser ? $"{Path} is somebody else's" : (mode & ForOthers) != 0 ? $"others may use {Path}" : null;
    }

    /// <summary>The processes that can be attached to, ascending. Sockets that processes left behind are removed.</summary>
    public static IReadOnlyList<int> Processes()
    {
        var found = new List<int>();
        if (Check() != null)
        {
            return found;
        }

        foreach (string path in Directory.EnumerateFileSystemEntries(Path))
        {
            if (!int.TryParse(System.IO.Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int processId))
            {
                continue;
            }

            int socket = HostSocket.Create();
            int error = HostSocket.Connect(socket, path);
            HostSocket.Close(socket);
            if (error == -HostSocket.ConnectionRefused)
            {
                HostSocket.Unlink(path);
            }
            else if (error is 0 or -HostSocket.TryAgain)
            {
                found.Add(processId);
            }
        }

        found.Sort();
        return found;
    }
}
