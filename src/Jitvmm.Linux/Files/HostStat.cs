using System.Runtime.InteropServices;

namespace Jitvmm.Linux.Files;

/// <summary>struct stat of x86-64 Linux, the same for guest and host.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public struct HostStat
{
    public const int Size = 144;

    [FieldOffset(0)] public ulong Device;
    [FieldOffset(8)] public ulong Inode;
    [FieldOffset(16)] public ulong Links;
    [FieldOffset(24)] public uint Mode;
    [FieldOffset(28)] public uint User;
    [FieldOffset(32)] public uint Group;
    [FieldOffset(40)] public ulong RealDevice;
    [FieldOffset(48)] public long Length;
    [FieldOffset(56)] public long BlockSize;
    [FieldOffset(64)] public long Blocks;
    [FieldOffset(72)] public long AccessSeconds;
    [FieldOffset(80)] public long AccessNanoseconds;
    [FieldOffset(88)] public long ModifySeconds;
    [FieldOffset(96)] public long ModifyNanoseconds;
    [FieldOffset(104)] public long ChangeSeconds;
    [FieldOffset(112)] public long ChangeNanoseconds;

    public const uint TypeMask = 0xf000;
    public const uint TypeFifo = 0x1000;
    public const uint TypeCharacter = 0x2000;
    public const uint TypeDirectory = 0x4000;
    public const uint TypeBlock = 0x6000;
    public const uint TypeRegular = 0x8000;
    public const uint TypeLink = 0xa000;
    public const uint TypeSocket = 0xc000;

    public readonly uint Type => Mode & TypeMask;

    /// <summary>The kind of an ordinarily opened descriptor of this type.</summary>
    public readonly FileKind Kind => Type switch
    {
        TypeRegular => FileKind.Regular,
        TypeDirectory => FileKind.Directory,
        TypeCharacter or TypeBlock => FileKind.Device,
        TypeFifo => FileKind.Pipe,
        TypeSocket => FileKind.Socket,
        _ => FileKind.Anonymous,
    };
}

/// <summary>struct open_how of openat2(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}
