using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Memory;

/// <summary>Process guests: guest address A is host address <c>memory + A</c>, inside the window of an <see cref="AddressSpace"/>.</summary>
public readonly unsafe struct DirectMemory : IGuestMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(CpuState* cpu, byte* memory, ulong address)
        where T : unmanaged
    {
        if (address >> AddressSpace.AddressBits != 0)
        {
            GuestAccess.RaiseNonCanonical(address, false);
        }

        // SAFETY: inside the window or its guard; the host faults where nothing is mapped, and that becomes the guest's fault.
        return Unsafe.ReadUnaligned<T>(memory + address);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MustPrepare(CpuState* cpu, ulong address, int bytes)
    {
        if (address >> AddressSpace.AddressBits == 0)
        {
            byte access = cpu->Pages[address >> AddressSpace.PageShift];
            bool crosses = (uint)(address & (AddressSpace.PageSize - 1)) > AddressSpace.PageSize - (uint)bytes;
            if ((access & (byte)(PageAccess.Write | PageAccess.Code)) == (byte)PageAccess.Write && !crosses)
            {
                return false;
            }

            if (cpu->PreparedStore == address)
            {
                cpu->PreparedStore = ulong.MaxValue;
                return false;
            }
        }

        return true;
    }

    public static void Prepare(CpuState* cpu, ulong address, int bytes)
    {
        GuestAccess.Pointer(cpu, address, (uint)bytes, true);
        cpu->PreparedStore = address;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(CpuState* cpu, byte* memory, ulong address, T value)
        where T : unmanaged
    {
        // SAFETY: MustPrepare compared the address with the window's end; the host faults where nothing is mapped.
        Unsafe.WriteUnaligned(memory + address, value);
    }

    public static nint Pointer(CpuState* cpu, ulong address, int bytes, bool writable) =>
        (nint)GuestAccess.Pointer(cpu, address, (uint)bytes, writable);
}
