using System.Runtime.InteropServices;

namespace Jitvmm.Devices.Shares;

/// <summary>struct stat of x86-64 Linux.</summary>
[StructLayout(LayoutKind.Explicit, Size = 144)]
internal struct HostFileStatus
{
    private const uint KindMask = 0xf000;

    [FieldOffset(0)] public ulong Device;
    [FieldOffset(8)] public ulong Number;
    [FieldOffset(16)] public ulong Links;
    [FieldOffset(24)] public uint Mode;
    [FieldOffset(28)] public uint User;
    [FieldOffset(32)] public uint Group;
    [FieldOffset(40)] public ulong DeviceNumber;
    [FieldOffset(48)] public ulong Size;
    [FieldOffset(56)] public ulong BlockSize;
    [FieldOffset(64)] public ulong Blocks;
    [FieldOffset(72)] public ulong AccessSeconds;
    [FieldOffset(80)] public ulong AccessNanoseconds;
    [FieldOffset(88)] public ulong ChangeSeconds;
    [FieldOffset(96)] public ulong ChangeNanoseconds;
    [FieldOffset(104)] public ulong StatusSeconds;
    [FieldOffset(112)] public ulong StatusNanoseconds;

    public readonly bool IsFolder => (Mode & KindMask) == 0x4000;

    public readonly bool IsFile => (Mode & KindMask) == 0x8000;

    public readonly bool IsLink => (Mode & KindMask) == 0xa000;

    /// <summary>One number for a file of any file system below the share.</summary>
    public readonly ulong Identity => Number ^ (Device << 48) ^ (Device >> 16 << 40);
}
