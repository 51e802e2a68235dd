using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// Which status flags are dead before each instruction: overwritten before anything reads them. The engine does not compute
/// those, so where an instruction faults they are not compared: whoever resumes there cannot tell.
/// </summary>
public static class FlagLiveness
{
    private const RflagsBits Status = RflagsBits.CF | RflagsBits.PF | RflagsBits.AF | RflagsBits.ZF | RflagsBits.SF | RflagsBits.OF;

    /// <summary>RFLAGS masks of dead flags by instruction address.</summary>
    public static Dictionary<ulong, ulong> DeadBefore(List<Instruction> instructions)
    {
        var live = new Dictionary<ulong, RflagsBits>();
        // Twice, so that what a loop's head reads reaches its end.
        for (int pass = 0; pass < 2; pass++)
        {
            RflagsBits current = Status;
            for (int i = instructions.Count - 1; i >= 0; i--)
            {
                Instruction instruction = instructions[i];
                if (instruction.FlowControl == FlowControl.ConditionalBranch)
                {
                    current |= live.TryGetValue(instruction.NearBranchTarget, out RflagsBits target) ? target
                        : instruction.NearBranchTarget <= instruction.IP && pass == 0 ? RflagsBits.None : Status;
                }

                current = UndefinedState.MayKeepFlags(instruction) ? current : current & ~instruction.RflagsModified;
                current |= instruction.RflagsRead & Status;
                live[instruction.IP] = current;
            }
        }

        return live.ToDictionary(entry => entry.Key, entry => UndefinedState.Translate(Status & ~entry.Value));
    }
}
