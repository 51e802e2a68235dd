using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// VPGATHER and VGATHER. Elements are loaded in order, and each that is done is cleared in the mask register at
/// once: after a fault the instruction resumes with the rest (SDM vol. 2C, VPGATHERDD).
/// </summary>
public static unsafe class GatherAccess
{
    /// <summary>Shape bits: elements, index elements of 8 bytes rather than 4.</summary>
    public const int CountMask = 15;
    public const int WideIndex = 16;

    /// <summary>Gathers dwords. Registers are offsets into the state; addresses are origin + index · 2^scale, cut by the mask, + segment.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Dwords(CpuState* cpu, uint destination, uint index, uint mask, ulong origin, uint scale, ulong addressMask, ulong segment, uint shape)
    {
        uint* result = (uint*)((byte*)cpu + destination);
        int* pending = (int*)((byte*)cpu + mask);
        int count = (int)shape & CountMask;
        for (int i = 0; i < count; i++)
        {
            if (pending[i] < 0)
            {
                ulong address = ((origin + (IndexAt(cpu, index, i, shape) << (int)scale)) & addressMask) + segment;
                result[i] = (uint)GuestAccess.Read(cpu, address, 4);
            }

            pending[i] = 0;
        }

        Finish(cpu, destination, mask, count * 4);
    }

    /// <summary>Gathers qwords.</summary>
    [TouchesRegisters]
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Qwords(CpuState* cpu, uint destination, uint index, uint mask, ulong origin, uint scale, ulong addressMask, ulong segment, uint shape)
    {
        ulong* result = (ulong*)((byte*)cpu + destination);
        long* pending = (long*)((byte*)cpu + mask);
        int count = (int)shape & CountMask;
        for (int i = 0; i < count; i++)
        {
            if (pending[i] < 0)
            {
                ulong address = ((origin + (IndexAt(cpu, index, i, shape) << (int)scale)) & addressMask) + segment;
                result[i] = GuestAccess.Read(cpu, address, 8);
            }

            pending[i] = 0;
        }

        Finish(cpu, destination, mask, count * 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong IndexAt(CpuState* cpu, uint index, int element, uint shape) => (shape & WideIndex) != 0
        ? ((ulong*)((byte*)cpu + index))[element]
        : (ulong)((int*)((byte*)cpu + index))[element];

    /// <summary>Clears both registers above the elements.</summary>
    private static void Finish(CpuState* cpu, uint destination, uint mask, int bytes)
    {
        new Span<byte>((byte*)cpu + destination + bytes, 32 - bytes).Clear();
        new Span<byte>((byte*)cpu + mask + bytes, 32 - bytes).Clear();
    }
}
