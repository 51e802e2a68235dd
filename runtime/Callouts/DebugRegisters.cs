using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>MOV to and from debug registers (SDM vol. 3B, 17.2).</summary>
public static unsafe class DebugRegisters
{
    /// <summary>DR6.BD: a debug register was about to be accessed.</summary>
    public const ulong AccessDetected = 1ul << 13;

    /// <summary>DR6.BS: a single step.</summary>
    public const ulong SingleStep = 1ul << 14;

    private const ulong GeneralDetect = 1ul << 13;
    private const ulong StatusOnes = 0xffff0ff0;
    private const ulong StatusMask = 0xe00f;
    private const ulong ControlOnes = 0x400;
    private const ulong ControlMask = 0xffff2bff;

    [TouchesRegisters]
    public static ulong Read(CpuState* cpu, int register) => cpu->System.Debug[Check(cpu, register)];

    /// <summary>The block ends behind it: see <see cref="Breakpoints.Changed"/>.</summary>
    [TouchesRegisters]
    public static void Write(CpuState* cpu, int register, ulong value)
    {
        int index = Check(cpu, register);
        if (index >= 6 && value >> 32 != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        cpu->System.Debug[index] = index switch
        {
            6 => (value & StatusMask) | StatusOnes,
            7 => (value & ControlMask) | ControlOnes,
            _ => value,
        };
        if (index != 6)
        {
            Breakpoints.Changed(cpu);
        }
    }

    private static int Check(CpuState* cpu, int register)
    {
        bool isAlias = register is 4 or 5;
        if (register > 7 || (isAlias && (cpu->System.Cr4 & Cr4.DebuggingExtensions) != 0))
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }

        if (cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        if ((cpu->System.Debug[7] & GeneralDetect) != 0)
        {
            cpu->System.Debug[6] |= AccessDetected;

            // A fault, but not an instruction breakpoint (SDM vol. 3B, 17.3.1.1).
            cpu->FlagsSystem |= SystemFlags.Resume;
            GuestAccess.Raise(ExceptionVector.Debug);
        }

        return isAlias ? register + 2 : register;
    }
}
