using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Vector accesses to guest memory in which only some elements take part; the others neither fault nor change.
/// An element takes part when the top bit of its mask is set.
/// </summary>
public static unsafe class MaskedAccess
{
    /// <summary>Reads dwords; the others are 0.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<uint> Load(CpuState* cpu, ulong address, Vector128<uint> mask)
    {
        Vector128<uint> taken = Vector128.ShiftRightArithmetic(mask.AsInt32(), 31).AsUInt32();
        uint bytes = taken.AsByte().ExtractMostSignificantBits();
        if (bytes == 0)
        {
            return Vector128<uint>.Zero;
        }

        Check(cpu, address, bytes, false);
        Vector128<uint> result = default;
        if (cpu->System.IsMachine != 0)
        {
            for (int i = 0; i < Vector128<uint>.Count; i++)
            {
                result = taken.GetElement(i) != 0 ? result.WithElement(i, (uint)GuestAccess.Read(cpu, address + (uint)(4 * i), 4)) : result;
            }

            return result;
        }

        byte* source = cpu->MemoryBase + address;
        if ((address & (AddressSpace.PageSize - 1)) <= AddressSpace.PageSize - 16)
        {
            // SAFETY: a byte of the page was just found readable, and all 16 lie in it.
            return Vector128.Load((uint*)source) & taken;
        }

        for (int i = 0; i < Vector128<uint>.Count; i++)
        {
            if (taken.GetElement(i) != 0)
            {
                result = result.WithElement(i, Unsafe.ReadUnaligned<uint>(source + (4 * i)));
            }
        }

        return result;
    }

    /// <summary>Raises the fault that <see cref="Store"/> would raise.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void CheckStore(CpuState* cpu, ulong address, Vector128<uint> mask) =>
        Check(cpu, address, Vector128.ShiftRightArithmetic(mask.AsInt32(), 31).AsByte().ExtractMostSignificantBits(), true);

    /// <summary>Writes dwords.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Store(CpuState* cpu, ulong address, Vector128<uint> mask, Vector128<uint> value)
    {
        CheckStore(cpu, address, mask);
        if (cpu->System.IsMachine != 0)
        {
            for (int i = 0; i < Vector128<uint>.Count; i++)
            {
                if ((int)mask.GetElement(i) < 0)
                {
                    GuestAccess.Write(cpu, address + (uint)(4 * i), 4, value.GetElement(i));
                }
            }

            return;
        }

        uint taken = mask.ExtractMostSignificantBits();
        if (taken == 0)
        {
            return;
        }

        byte* target = cpu->MemoryBase + address;
        if (Avx2.IsSupported)
        {
            Avx2.MaskStore((uint*)target, mask, value);
        }
        else
        {
            for (int i = 0; i < Vector128<uint>.Count; i++)
            {
                if ((int)mask.GetElement(i) < 0)
                {
                    Unsafe.WriteUnaligned(target + (4 * i), value.GetElement(i));
                }
            }
        }

        int first = BitOperations.TrailingZeroCount(taken);
        GuestAccess.Written(cpu, target + (4 * first), 4 * (ulong)(BitOperations.Log2(taken) - first + 1));
    }

    /// <summary>Writes bytes to writable host memory: 16 of them, or 8 for MASKMOVQ.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void StoreBytes(byte* target, Vector128<byte> mask, Vector128<byte> value, int count)
    {
        uint bytes = mask.ExtractMostSignificantBits();
        for (int i = 0; i < count; i++)
        {
            if (((bytes >> i) & 1) != 0)
            {
                target[i] = value.GetElement(i);
            }
        }
    }

    /// <summary>Checks the bytes from <paramref name="address"/> whose bits are set, page by page.</summary>
    private static void Check(CpuState* cpu, ulong address, uint bytes, bool write)
    {
        ulong inFirstPage = AddressSpace.PageSize - (address & (AddressSpace.PageSize - 1));
        uint first = inFirstPage >= 16 ? bytes : bytes & ((1u << (int)inFirstPage) - 1);
        CheckRun(cpu, address, first, write);
        CheckRun(cpu, address, bytes & ~first, write);
    }

    private static void CheckRun(CpuState* cpu, ulong address, uint bytes, bool write)
    {
        if (bytes != 0)
        {
            int start = BitOperations.TrailingZeroCount(bytes);
            GuestAccess.Pointer(cpu, address + (uint)start, (uint)(BitOperations.Log2(bytes) - start + 1), write);
        }
    }
}
