using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Tests.Passes;

/// <summary>A block of a region, lifted from machine code.</summary>
internal static class LiftedBlock
{
    public const ulong Start = 0x401000;

    public static unsafe RegionBlock Of(byte[] code)
    {
        var decoder = Iced.Intel.Decoder.Create(64, code, Start);
        List<Instruction> instructions = [];
        while (decoder.IP < Start + (ulong)code.Length)
        {
            instructions.Add(decoder.Decode());
        }

        // The records' address is never followed.
        var source = new TranslationBlock(new CodeLocation(Start, Start, CodeMode.Long), Start + (ulong)code.Length, (TbOp*)0x1000, 0, instructions.Count);
        return new RegionLifter(false, null).Lift(source, [.. instructions], CodeMode.Long, null, false)!;
    }
}
