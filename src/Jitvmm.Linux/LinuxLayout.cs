using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <summary>Where things go in a guest's memory. The same in every run: a guest's bugs repeat.</summary>
public static class LinuxLayout
{
    /// <summary>Lowest address a guest may map (vm.mmap_min_addr).</summary>
    public const ulong MinAddress = 0x10000;

    /// <summary>First address past the stack.</summary>
    public const ulong StackTop = AddressSpace.Limit - 0x1000_0000;

    /// <summary>Mappings without a wanted address go below this, downwards; the stack has 16 GiB above.</summary>
    public const ulong MapCeiling = AddressSpace.Limit - 0x4_1000_0000;

    /// <summary>Where position-independent programs are loaded: two thirds up, as Linux does.</summary>
    public const ulong PieBase = AddressSpace.Limit / 3 * 2 & ~0xffful;

    /// <summary>Past the end for MAP_32BIT.</summary>
    public const ulong Low2GiB = 0x8000_0000;
}
