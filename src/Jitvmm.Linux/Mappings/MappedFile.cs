using System.Text;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Mappings;

/// <summary>The file behind a mapping, or the kernel's name for memory without one ("[heap]").</summary>
/// <param name="Path">As /proc/self/maps shows it; bytes map to characters one to one (Latin-1).</param>
/// <param name="Device">st_dev.</param>
/// <param name="Inode">st_ino; 0 for a bare name.</param>
/// <param name="HostPath">Where the host has the file, to map more of it later; null when that is not known.</param>
public sealed record MappedFile(string Path, ulong Device, ulong Inode, string? HostPath = null)
{
    /// <summary>The bytes of a path that has one character for each.</summary>
    internal static byte[] BytesOf(string path)
    {
        byte[] bytes = new byte[path.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)path[i];
        }

        return bytes;
    }

    /// <summary>What an open host descriptor is.</summary>
    /// <param name="hostFd">The descriptor.</param>
    /// <param name="device">Its st_dev.</param>
    /// <param name="inode">Its st_ino.</param>
    /// <param name="place">Guest path.</param>
    internal static MappedFile Of(int hostFd, ulong device, ulong inode, ReadOnlySpan<byte> place)
    {
        Span<byte> buffer = stackalloc byte[GuestThread.PathMax];
        int length = HostFile.ReadDescriptorPath(hostFd, buffer);
        string? host = length > 0 ? Encoding.Latin1.GetString(buffer[..length]) : null;
        return new MappedFile(Encoding.Latin1.GetString(place), device, inode, host);
    }
}
