using System.Runtime.InteropServices;

namespace Jitvmm.Inspector.Live;

/// <summary>
/// What goes over the socket of a guest, little-endian: any number of requests, each answered before the next is read, with an open file that holds what was asked for. Nothing else can be asked, and
/// nothing of the guest be changed.
/// </summary>
internal static class AttachProtocol
{
    /// <summary>"JVMA".</summary>
    public const uint Magic = 0x414D564A;

    /// <summary>What was recorded so far, as a cache file.</summary>
    public const uint Snapshot = 1;

    /// <summary>With it comes a file that has what was asked for.</summary>
    public const uint Good = 0;

    /// <summary>There is nothing to be had, and no file.</summary>
    public const uint Refused = 1;

    [StructLayout(LayoutKind.Sequential)]
    public struct Request
    {
        public uint Magic;
        public uint Kind;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Answer
    {
        public uint Magic;
        public uint Status;

        /// <summary>Bytes in the file.</summary>
        public ulong Length;
    }
}
