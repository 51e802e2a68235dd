using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Memory;

/// <summary>Process guests: guest address A is host address <c>memory + A</c>, inside the window of an <see cref="AddressSpace"/>.</summary>
public readonly unsafe struct DirectMemory : IGuestMemory
{
    // SAFETY: Checked compared the address with the window's end, and loads inside the window or its guard fault where nothing is mapped,
    // which becomes the guest's fault. Stores follow MissesWrite, which compared it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MissesRead(CpuState* cpu, byte* memory, ulong address, int bytes) => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MissesPointer(CpuState* cpu, byte* memory, ulong address, int bytes, bool writable) =>
        writable && MissesWrite(cpu, memory, address, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Load8(CpuState* cpu, byte* memory, ulong address) => *(byte*)(memory + Checked(address, 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Load16(CpuState* cpu, byte* memory, ulong address) => *(ushort*)(memory + Checked(address, 2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Load32(CpuState* cpu, byte* memory, ulong address) => *(uint*)(memory + Checked(address, 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Load64(CpuState* cpu, byte* memory, ulong address) => *(ulong*)(memory + Checked(address, 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load128(CpuState* cpu, byte* memory, ulong address) => *(Vector128<byte>*)(memory + Checked(address, 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Load256(CpuState* cpu, byte* memory, ulong address) => *(Vector256<byte>*)(memory + Checked(address, 32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MissesWrite(CpuState* cpu, byte* memory, ulong address, int bytes)
    {
        if (address >> AddressSpace.AddressBits == 0)
        {
            byte access = cpu->Pages[address >> AddressSpace.PageShift];
            bool crosses = (uint)(address & (AddressSpace.PageSize - 1)) > AddressSpace.PageSize - (uint)bytes;
            if ((access & (byte)PageAccess.PlainWrite) != 0 && !crosses)
            {
                return false;
            }

            return address < cpu->PreparedFrom || address >= cpu->PreparedTo;
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Modified8(CpuState* cpu, byte* memory, ulong address) => *(byte*)(memory + address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Modified16(CpuState* cpu, byte* memory, ulong address) => *(ushort*)(memory + address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Modified32(CpuState* cpu, byte* memory, ulong address) => *(uint*)(memory + address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Modified64(CpuState* cpu, byte* memory, ulong address) => *(ulong*)(memory + address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, byte value) => *(byte*)(memory + address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, ushort value) => *(ushort*)(memory + address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, uint value) => *(uint*)(memory + address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, ulong value) => *(ulong*)(memory + address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, Vector128<byte> value) => *(Vector128<byte>*)(memory + address) = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(CpuState* cpu, byte* memory, ulong address, Vector256<byte> value) => *(Vector256<byte>*)(memory + address) = value;

    public static nint Pointer(CpuState* cpu, byte* memory, ulong address, int bytes, bool writable) =>
        writable ? (nint)(memory + address) : (nint)GuestAccess.Pointer(cpu, address, (uint)bytes, false);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Checked(ulong address, ulong bytes)
    {
        if (address >> AddressSpace.AddressBits != 0)
        {
            GuestAccess.RaiseNonCanonical(address, bytes, false);
        }

        return address;
    }
}
