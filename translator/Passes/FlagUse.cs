using Iced.Intel;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Passes;

/// <summary>What guest instructions do with the status flags, from Iced's tables.</summary>
public static class FlagUse
{
    /// <summary>Flags one instruction depends on: those that may stay as they were are read, too.</summary>
    public static StatusFlags ReadBy(Instruction instruction) =>
        ToFlags(instruction.RflagsRead | (Lifter.MayKeepFlags(instruction) ? instruction.RflagsModified : RflagsBits.None));

    /// <summary>Flags that straight-line code may read from before it; those it neither reads nor writes count as read behind its end.</summary>
    public static StatusFlags ReadBy(ReadOnlySpan<Instruction> code)
    {
        StatusFlags read = StatusFlags.None;
        StatusFlags open = StatusFlags.All;
        foreach (ref readonly Instruction instruction in code)
        {
            read |= ToFlags(instruction.RflagsRead) & open;
            if (!Lifter.MayKeepFlags(instruction))
            {
                open &= ~ToFlags(instruction.RflagsModified);
            }

            if (open == StatusFlags.None)
            {
                break;
            }
        }

        return read | open;
    }

    private static StatusFlags ToFlags(RflagsBits bits) => Pick(bits, RflagsBits.CF, StatusFlags.Carry) | Pick(bits, RflagsBits.PF, StatusFlags.Parity)
        | Pick(bits, RflagsBits.AF, StatusFlags.Adjust) | Pick(bits, RflagsBits.ZF, StatusFlags.Zero)
        | Pick(bits, RflagsBits.SF, StatusFlags.Sign) | Pick(bits, RflagsBits.OF, StatusFlags.Overflow);

    private static StatusFlags Pick(RflagsBits bits, RflagsBits bit, StatusFlags flag) => (bits & bit) != 0 ? flag : StatusFlags.None;
}
