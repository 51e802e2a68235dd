using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// FXSAVE, FXRSTOR and the XSAVE family over the components x87, SSE and AVX (SDM vol. 1, 10.5 and 13.4 to 13.10). The caller has
/// checked CR4, the address's alignment and that the whole area (<see cref="LegacySize"/> or <see cref="AreaSize"/> bytes) may be
/// accessed; a method that returns false has changed nothing and the instruction raises #GP(0).
/// </summary>
/// <remarks>
/// All components count as in use, so XSAVEOPT and XSAVEC save whatever is asked for. As on AMD processors, the
/// last x87 instruction, data pointer and opcode are saved only while an unmasked exception is pending, else as zeros.
/// </remarks>
public static unsafe class ExtendedState
{
    public const ulong X87Component = 1;
    public const ulong SseComponent = 2;
    public const ulong AvxComponent = 4;

    /// <summary>XCR0: every component there is.</summary>
    public const ulong EnabledComponents = CpuModel.XCr0;

    /// <summary>MXCSR bits that exist; loading any other raises #GP.</summary>
    public const uint MxcsrMask = 0xffff;

    public const uint InitialMxcsr = 0x1f80;

    /// <summary>Bytes of the FXSAVE area.</summary>
    public const int LegacySize = 512;

    /// <summary>Bytes of the XSAVE area in both formats: legacy region, header, upper YMM halves (CPUID leaf 0Dh).</summary>
    public const int AreaSize = (int)CpuModel.XsaveSize;

    /// <summary>Where the upper YMM halves are: they come first also in the compacted format.</summary>
    public const int AvxOffset = 576;

    /// <summary>Where the header with XSTATE_BV is.</summary>
    public const int HeaderOffset = 512;
    public const int HeaderSize = 64;

    private const int ControlOffset = 0;
    private const int StatusOffset = 2;
    private const int TagOffset = 4;
    private const int OpcodeOffset = 6;
    private const int InstructionPointerOffset = 8;
    private const int DataPointerOffset = 16;
    private const int MxcsrOffset = 24;
    private const int MxcsrMaskOffset = 28;
    private const int RegistersOffset = 32;
    private const int XmmOffset = 160;
    private const ulong CompactedFormat = 1ul << 63;

    /// <summary>
    /// FXSAVE. With REX.W pointers are 64 bits wide, otherwise 32 and a selector. There are eight XMM registers outside 64-bit mode.
    /// </summary>
    [TouchesRegisters]
    public static void Fxsave(CpuState* cpu, byte* area, int pointerWidth, int xmmCount)
    {
        StoreX87(cpu, area, pointerWidth);
        StoreMxcsr(cpu, area);
        StoreXmm(cpu, area, xmmCount);
    }

    /// <summary>FXRSTOR; false when the MXCSR image has reserved bits.</summary>
    [TouchesRegisters]
    public static bool Fxrstor(CpuState* cpu, byte* area, int pointerWidth, int xmmCount)
    {
        uint mxcsr = Unsafe.ReadUnaligned<uint>(area + MxcsrOffset);
        if ((mxcsr & ~MxcsrMask) != 0)
        {
            return false;
        }

        LoadX87(cpu, area, pointerWidth);
        SystemSemantics.WriteMxcsr(cpu, mxcsr);
        LoadXmm(cpu, area, xmmCount);
        return true;
    }

    /// <summary>XSAVE and XSAVEOPT: the standard format. <paramref name="requested"/> is EDX:EAX.</summary>
    [TouchesRegisters]
    public static void Xsave(CpuState* cpu, byte* area, ulong requested, int pointerWidth, int xmmCount)
    {
        ulong components = requested & EnabledComponents;
        StoreComponents(cpu, area, components, pointerWidth, xmmCount);
        if ((components & (SseComponent | AvxComponent)) != 0)
        {
            StoreMxcsr(cpu, area);
        }

        byte* header = area + HeaderOffset;
        Unsafe.WriteUnaligned(header, Unsafe.ReadUnaligned<ulong>(header) | components);
    }

    /// <summary>XSAVEC: the compacted format.</summary>
    [TouchesRegisters]
    public static void Xsavec(CpuState* cpu, byte* area, ulong requested, int pointerWidth, int xmmCount)
    {
        ulong components = requested & EnabledComponents;
        StoreComponents(cpu, area, components, pointerWidth, xmmCount);
        if ((components & SseComponent) != 0)
        {
            StoreMxcsr(cpu, area);
        }

        byte* header = area + HeaderOffset;
        Unsafe.WriteUnaligned(header, components);
        Unsafe.WriteUnaligned(header + 8, components | CompactedFormat);
    }

    /// <summary>XRSTOR of either format; false when the header or the MXCSR image is malformed.</summary>
    [TouchesRegisters]
    public static bool Xrstor(CpuState* cpu, byte* area, ulong requested, int pointerWidth, int xmmCount)
    {
        byte* header = area + HeaderOffset;
        if (!IsHeaderValid(header))
        {
            return false;
        }

        ulong present = Unsafe.ReadUnaligned<ulong>(header);
        bool isCompacted = (Unsafe.ReadUnaligned<ulong>(header + 8) & CompactedFormat) != 0;

        ulong components = requested & EnabledComponents;
        bool loadsMxcsr = isCompacted
            ? (components & present & SseComponent) != 0
            : (components & (SseComponent | AvxComponent)) != 0;
        uint mxcsr = Unsafe.ReadUnaligned<uint>(area + MxcsrOffset);
        if (loadsMxcsr && (mxcsr & ~MxcsrMask) != 0)
        {
            return false;
        }

        if (loadsMxcsr)
        {
            SystemSemantics.WriteMxcsr(cpu, mxcsr);
        }
        else if (isCompacted && (components & SseComponent) != 0)
        {
            SystemSemantics.WriteMxcsr(cpu, InitialMxcsr);
        }

        LoadComponents(cpu, area, components & present, pointerWidth, xmmCount);
        InitializeComponents(cpu, components & ~present, xmmCount);
        return true;
    }

    /// <summary>
    /// Standard: nothing but XSTATE_BV, within XCR0. Compacted: XCOMP_BV within XCR0, XSTATE_BV within it.
    /// (SDM vol. 1, 13.8; the bytes reserved in each must be zero.)
    /// </summary>
    internal static bool IsHeaderValid(byte* header)
    {
        ulong present = Unsafe.ReadUnaligned<ulong>(header);
        ulong format = Unsafe.ReadUnaligned<ulong>(header + 8);
        if (Unsafe.ReadUnaligned<ulong>(header + 16) != 0)
        {
            return false;
        }

        if ((format & CompactedFormat) == 0)
        {
            return format == 0 && (present & ~EnabledComponents) == 0;
        }

        ulong listed = format & ~CompactedFormat;
        ulong reserved = 0;
        for (int i = 24; i < 64; i += 8)
        {
            reserved |= Unsafe.ReadUnaligned<ulong>(header + i);
        }

        return reserved == 0 && (listed & ~EnabledComponents) == 0 && (present & ~listed) == 0;
    }

    private static void StoreComponents(CpuState* cpu, byte* area, ulong components, int pointerWidth, int xmmCount)
    {
        if ((components & X87Component) != 0)
        {
            StoreX87(cpu, area, pointerWidth);
        }

        if ((components & SseComponent) != 0)
        {
            StoreXmm(cpu, area, xmmCount);
        }

        if ((components & AvxComponent) != 0)
        {
            for (int i = 0; i < xmmCount; i++)
            {
                Buffer.MemoryCopy(cpu->Vector + 32 * i + 16, area + AvxOffset + 16 * i, 16, 16);
            }
        }
    }

    private static void LoadComponents(CpuState* cpu, byte* area, ulong components, int pointerWidth, int xmmCount)
    {
        if ((components & X87Component) != 0)
        {
            LoadX87(cpu, area, pointerWidth);
        }

        if ((components & SseComponent) != 0)
        {
            LoadXmm(cpu, area, xmmCount);
        }

        if ((components & AvxComponent) != 0)
        {
            for (int i = 0; i < xmmCount; i++)
            {
                Buffer.MemoryCopy(area + AvxOffset + 16 * i, cpu->Vector + 32 * i + 16, 16, 16);
            }
        }
    }

    private static void InitializeComponents(CpuState* cpu, ulong components, int xmmCount)
    {
        if ((components & X87Component) != 0)
        {
            X87.Fninit(cpu);
            NativeMemory.Clear(cpu->X87.Registers, 128);
        }

        for (int i = 0; i < xmmCount; i++)
        {
            if ((components & SseComponent) != 0)
            {
                NativeMemory.Clear(cpu->Vector + 32 * i, 16);
            }

            if ((components & AvxComponent) != 0)
            {
                NativeMemory.Clear(cpu->Vector + 32 * i + 16, 16);
            }
        }
    }

    private static void StoreX87(CpuState* cpu, byte* area, int pointerWidth)
    {
        bool hasPointers = X87.HasUnmaskedError(cpu);
        ulong instruction = hasPointers ? cpu->X87.InstructionPointer : 0;
        ulong data = hasPointers ? cpu->X87.DataPointer : 0;
        if (pointerWidth != 64)
        {
            instruction = (uint)instruction | (hasPointers ? (ulong)cpu->X87.CodeSelector << 32 : 0);
            data = (uint)data | (hasPointers ? (ulong)cpu->X87.DataSelector << 32 : 0);
        }

        Unsafe.WriteUnaligned(area + ControlOffset, cpu->X87.ControlWord);
        Unsafe.WriteUnaligned(area + StatusOffset, X87.ReadStatusWord(cpu));
        Unsafe.WriteUnaligned(area + TagOffset, (ushort)cpu->X87.ValidMask);
        Unsafe.WriteUnaligned(area + OpcodeOffset, hasPointers ? (ushort)(cpu->X87.Opcode & 0x7ff) : (ushort)0);
        Unsafe.WriteUnaligned(area + InstructionPointerOffset, instruction);
        Unsafe.WriteUnaligned(area + DataPointerOffset, data);
        for (int i = 0; i < 8; i++)
        {
            byte* register = cpu->X87.Registers + 16 * ((cpu->X87.Top + i) & 7);
            byte* slot = area + RegistersOffset + 16 * i;
            Unsafe.WriteUnaligned(slot, *(ulong*)register);
            Unsafe.WriteUnaligned(slot + 8, (ulong)*(ushort*)(register + 8));
        }
    }

    private static void LoadX87(CpuState* cpu, byte* area, int pointerWidth)
    {
        ulong instruction = Unsafe.ReadUnaligned<ulong>(area + InstructionPointerOffset);
        ulong data = Unsafe.ReadUnaligned<ulong>(area + DataPointerOffset);
        cpu->X87.CodeSelector = pointerWidth == 64 ? (ushort)0 : (ushort)(instruction >> 32);
        cpu->X87.DataSelector = pointerWidth == 64 ? (ushort)0 : (ushort)(data >> 32);
        cpu->X87.InstructionPointer = pointerWidth == 64 ? instruction : (uint)instruction;
        cpu->X87.DataPointer = pointerWidth == 64 ? data : (uint)data;
        cpu->X87.Opcode = (ushort)(Unsafe.ReadUnaligned<ushort>(area + OpcodeOffset) & 0x7ff);
        cpu->X87.ValidMask = area[TagOffset];
        X87.LoadControlAndStatus(
            cpu, Unsafe.ReadUnaligned<ushort>(area + ControlOffset), Unsafe.ReadUnaligned<ushort>(area + StatusOffset));
        for (int i = 0; i < 8; i++)
        {
            byte* register = cpu->X87.Registers + 16 * ((cpu->X87.Top + i) & 7);
            byte* slot = area + RegistersOffset + 16 * i;
            *(ulong*)register = Unsafe.ReadUnaligned<ulong>(slot);
            *(ushort*)(register + 8) = Unsafe.ReadUnaligned<ushort>(slot + 8);
        }
    }

    private static void StoreMxcsr(CpuState* cpu, byte* area)
    {
        Unsafe.WriteUnaligned(area + MxcsrOffset, SystemSemantics.ReadMxcsr(cpu));
        Unsafe.WriteUnaligned(area + MxcsrMaskOffset, MxcsrMask);
    }

    private static void StoreXmm(CpuState* cpu, byte* area, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Buffer.MemoryCopy(cpu->Vector + 32 * i, area + XmmOffset + 16 * i, 16, 16);
        }
    }

    private static void LoadXmm(CpuState* cpu, byte* area, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Buffer.MemoryCopy(area + XmmOffset + 16 * i, cpu->Vector + 32 * i, 16, 16);
        }
    }
}
