using Iced.Intel;

namespace Jitvmm.Translator.Regions;

/// <summary>Finds out how long the host code of a compiled method is, and copies it.</summary>
/// <remarks>
/// .NET does not say where dynamic methods end without its tracing, which guests are run without. RyuJIT lays a method out in one piece: so code is followed from its start, and goes
/// on as long as a branch found so far leads further. Its jump tables are elsewhere, and what they lead to is led to by branches over it, or follows.
/// </remarks>
public static unsafe class HostCodeReader
{
    /// <summary>More than RyuJIT makes of the largest region.</summary>
    private const int Longest = 1 << 20;

    private const int LongestInstruction = 15;

    /// <summary>The bytes of the method at a host address; empty when its end was not found.</summary>
    public static byte[] Read(nint start) => new ReadOnlySpan<byte>((void*)start, LengthOf(start)).ToArray();

    /// <summary>How many they are; 0 when the end was not found.</summary>
    public static int LengthOf(nint start)
    {
        ulong first = (ulong)start;
        var reader = new PointerCodeReader((byte*)start);
        Decoder decoder = Decoder.Create(64, reader);
        decoder.IP = first;
        ulong furthest = first;
        while (decoder.IP - first < Longest - LongestInstruction)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid)
            {
                return 0;
            }

            if (TargetOf(instruction) is { } target && target > furthest && target - first < Longest)
            {
                furthest = target;
            }

            if (Ends(instruction) && decoder.IP > furthest)
            {
                return (int)(decoder.IP - first);
            }
        }

        return 0;
    }

    /// <summary>Where a jump within the method goes. Calls, and jumps behind which nothing goes on, are out of it.</summary>
    private static ulong? TargetOf(in Instruction instruction) => instruction.FlowControl switch
    {
        FlowControl.ConditionalBranch => instruction.NearBranchTarget,
        FlowControl.UnconditionalBranch when instruction.Op0Kind == OpKind.NearBranch64 => instruction.NearBranchTarget,
        _ => null,
    };

    private static bool Ends(in Instruction instruction) =>
        instruction.FlowControl is FlowControl.Return or FlowControl.UnconditionalBranch or FlowControl.IndirectBranch || instruction.Mnemonic is Mnemonic.Int3 or Mnemonic.Ud2;

    private sealed class PointerCodeReader(byte* next) : CodeReader
    {
        private byte* _next = next;

        public override int ReadByte() => *_next++;
    }
}
