using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// FNSTENV, FLDENV, FNSAVE, FRSTOR (SDM vol. 1, 8.1.10).
public static unsafe partial class X87
{
    /// <summary>Bytes FNSTENV writes and FLDENV reads.</summary>
    public static int EnvironmentSize(X87EnvironmentFormat format) => Is32Bit(format) ? 28 : 14;

    /// <summary>Bytes FNSAVE writes and FRSTOR reads: the environment, then ST(0) to ST(7) in ten bytes each.</summary>
    public static int SaveSize(X87EnvironmentFormat format) => EnvironmentSize(format) + 80;

    public static void Fnstenv(CpuState* cpu, byte* buffer, X87EnvironmentFormat format)
    {
        StoreEnvironment(cpu, buffer, format);
        cpu->X87.ControlWord |= (ushort)X87Context.Exceptions;
        RefreshErrorSummary(cpu);
    }

    public static void Fldenv(CpuState* cpu, byte* buffer, X87EnvironmentFormat format)
    {
        int width = Is32Bit(format) ? 4 : 2;
        uint control = Unsafe.ReadUnaligned<ushort>(buffer);
        uint status = Unsafe.ReadUnaligned<ushort>(buffer + width);
        uint tags = Unsafe.ReadUnaligned<ushort>(buffer + 2 * width);
        LoadPointers(cpu, buffer + 3 * width, format);
        cpu->X87.ValidMask = AbridgeTags(tags);
        LoadControlAndStatus(cpu, control, status);
    }

    public static void Fnsave(CpuState* cpu, byte* buffer, X87EnvironmentFormat format)
    {
        StoreEnvironment(cpu, buffer, format);
        byte* registers = buffer + EnvironmentSize(format);
        for (int i = 0; i < 8; i++)
        {
            WriteExtended(registers + 10 * i, Read(cpu, i));
        }

        Fninit(cpu);
    }

    public static void Frstor(CpuState* cpu, byte* buffer, X87EnvironmentFormat format)
    {
        Fldenv(cpu, buffer, format);
        byte* registers = buffer + EnvironmentSize(format);
        for (int i = 0; i < 8; i++)
        {
            Replace(cpu, i, ReadExtended(registers + 10 * i));
        }
    }

    /// <summary>The full tag word: two bits for each physical register, 0 valid, 1 zero, 2 special, 3 empty.</summary>
    public static ushort ReadTagWord(CpuState* cpu)
    {
        uint tags = 0;
        for (int i = 0; i < 8; i++)
        {
            tags |= Tag(cpu, i) << (2 * i);
        }

        return (ushort)tags;
    }

    private static uint Tag(CpuState* cpu, int physical)
    {
        if ((cpu->X87.ValidMask >> physical & 1) == 0)
        {
            return 3;
        }

        Float80 value = ReadExtended(cpu->X87.Registers + 16 * physical);
        return value.IsZero ? 1u : value.IsNormal ? 0u : 2u;
    }

    private static byte AbridgeTags(uint tags)
    {
        uint mask = 0;
        for (int i = 0; i < 8; i++)
        {
            mask |= ((tags >> (2 * i)) & 3) != 3 ? 1u << i : 0;
        }

        return (byte)mask;
    }

    private static bool Is32Bit(X87EnvironmentFormat format) =>
        format is X87EnvironmentFormat.Protected32 or X87EnvironmentFormat.Real32;

    private static void StoreEnvironment(CpuState* cpu, byte* buffer, X87EnvironmentFormat format)
    {
        uint tags = ReadTagWord(cpu);
        if (Is32Bit(format))
        {
            // The unused upper halves read as ones.
            Unsafe.WriteUnaligned(buffer, 0xffff0000u | cpu->X87.ControlWord);
            Unsafe.WriteUnaligned(buffer + 4, 0xffff0000u | ReadStatusWord(cpu));
            Unsafe.WriteUnaligned(buffer + 8, 0xffff0000u | tags);
            StorePointers32(cpu, buffer + 12, format == X87EnvironmentFormat.Real32);
        }
        else
        {
            Unsafe.WriteUnaligned(buffer, cpu->X87.ControlWord);
            Unsafe.WriteUnaligned(buffer + 2, ReadStatusWord(cpu));
            Unsafe.WriteUnaligned(buffer + 4, (ushort)tags);
            StorePointers16(cpu, buffer + 6, format == X87EnvironmentFormat.Real16);
        }
    }

    private static uint OpcodeField(CpuState* cpu) => cpu->X87.Opcode & 0x7ffu;

    /// <summary>Real-mode formats hold linear addresses.</summary>
    private static uint LinearInstruction(CpuState* cpu) => ((uint)cpu->X87.CodeSelector << 4) + (uint)cpu->X87.InstructionPointer;

    private static uint LinearData(CpuState* cpu) => ((uint)cpu->X87.DataSelector << 4) + (uint)cpu->X87.DataPointer;

    private static void StorePointers32(CpuState* cpu, byte* buffer, bool isReal)
    {
        if (isReal)
        {
            uint instruction = LinearInstruction(cpu);
            uint data = LinearData(cpu);
            Unsafe.WriteUnaligned(buffer, 0xffff0000u | (ushort)instruction);
            Unsafe.WriteUnaligned(buffer + 4, (instruction >> 16 << 12) | OpcodeField(cpu));
            Unsafe.WriteUnaligned(buffer + 8, 0xffff0000u | (ushort)data);
            Unsafe.WriteUnaligned(buffer + 12, data >> 16 << 12);
            return;
        }

        Unsafe.WriteUnaligned(buffer, (uint)cpu->X87.InstructionPointer);
        Unsafe.WriteUnaligned(buffer + 4, (OpcodeField(cpu) << 16) | cpu->X87.CodeSelector);
        Unsafe.WriteUnaligned(buffer + 8, (uint)cpu->X87.DataPointer);
        Unsafe.WriteUnaligned(buffer + 12, 0xffff0000u | cpu->X87.DataSelector);
    }

    private static void StorePointers16(CpuState* cpu, byte* buffer, bool isReal)
    {
        uint instruction = isReal ? LinearInstruction(cpu) : (uint)cpu->X87.InstructionPointer;
        uint data = isReal ? LinearData(cpu) : (uint)cpu->X87.DataPointer;
        uint code = isReal ? (instruction >> 16 << 12) | OpcodeField(cpu) : cpu->X87.CodeSelector;
        uint dataUpper = isReal ? data >> 16 << 12 : cpu->X87.DataSelector;
        Unsafe.WriteUnaligned(buffer, (ushort)instruction);
        Unsafe.WriteUnaligned(buffer + 2, (ushort)code);
        Unsafe.WriteUnaligned(buffer + 4, (ushort)data);
        Unsafe.WriteUnaligned(buffer + 6, (ushort)dataUpper);
    }

    private static void LoadPointers(CpuState* cpu, byte* buffer, X87EnvironmentFormat format)
    {
        int width = Is32Bit(format) ? 4 : 2;
        uint instruction = ReadField(buffer, width);
        uint code = ReadField(buffer + width, width);
        uint data = ReadField(buffer + 2 * width, width);
        uint dataUpper = ReadField(buffer + 3 * width, width);
        bool isReal = format is X87EnvironmentFormat.Real16 or X87EnvironmentFormat.Real32;
        if (isReal)
        {
            instruction = (ushort)instruction | (code >> 12 << 16);
            data = (ushort)data | (dataUpper >> 12 << 16);
        }

        cpu->X87.InstructionPointer = instruction;
        cpu->X87.DataPointer = data;
        cpu->X87.CodeSelector = isReal ? (ushort)0 : (ushort)code;
        cpu->X87.DataSelector = isReal ? (ushort)0 : (ushort)dataUpper;

        // The 16-bit protected format has no opcode.
        uint opcode = isReal ? code : width == 4 ? code >> 16 : 0;
        cpu->X87.Opcode = (ushort)(opcode & 0x7ff);
    }

    private static uint ReadField(byte* buffer, int width) =>
        width == 4 ? Unsafe.ReadUnaligned<uint>(buffer) : Unsafe.ReadUnaligned<ushort>(buffer);
}
