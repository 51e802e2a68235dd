using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Memory;

/// <summary>The memory of a process guest. Guard pages absorb accesses of up to <see cref="GuardSize"/> bytes that start inside the window.</summary>
public sealed class AddressSpace : GuestPages
{
    /// <summary>Bits of a guest address: 64 TiB, half of what a Linux process may see; leaves room for the host itself.</summary>
    public const int AddressBits = 46;

    /// <summary>First address past the guest's memory.</summary>
    public const ulong Limit = 1ul << AddressBits;

    public const ulong GuardSize = 1ul << 32;

    public AddressSpace()
        : base(Limit, GuardSize)
    {
    }

    /// <summary>Whether [address, address + length) lies in the window. True for length 0 at a valid address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool InWindow(ulong address, ulong length) => address < Limit && length <= Limit - address;
}
