using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// Code to run on both sides. It ends at terminators: places where the engine finds a breakpoint and the
/// oracle a jump out, so that neither disturbs a register or a flag.
/// </summary>
public sealed class TestProgram
{
    /// <summary>Bytes of one terminator on either side.</summary>
    public const int TerminatorLength = 5;

    public const byte BreakpointOpcode = 0xcc;

    private TestProgram(ulong codeAddress, byte[] code, List<int> terminators, List<Instruction> instructions, ulong entry)
    {
        CodeAddress = codeAddress;
        Code = code;
        Terminators = terminators;
        Instructions = instructions;
        Entry = entry;
    }

    public ulong CodeAddress { get; }

    /// <summary>As the engine sees it: breakpoints at the terminators.</summary>
    public byte[] Code { get; }

    /// <summary>Offsets in <see cref="Code"/>; the index is the exit's number.</summary>
    public List<int> Terminators { get; }

    /// <summary>The tested instructions, with addresses.</summary>
    public List<Instruction> Instructions { get; }

    /// <summary>Address of the first instruction.</summary>
    public ulong Entry { get; }

    public ulong MemorySeed { get; set; }

    public ulong TerminatorAddress(int index) => CodeAddress + (ulong)Terminators[index];

    /// <summary>
    /// One instruction with terminators behind it (exit 0), ahead at <see cref="ForwardTarget"/> (exit 1) and before it
    /// (exit 2, the start of the code). Null if the bytes do not decode to what was asked for.
    /// </summary>
    public static TestProgram? FromInstruction(ulong codeAddress, in Instruction instruction)
    {
        ulong entry = EntryFor(codeAddress);
        var code = new byte[SingleLength];
        Array.Fill(code, BreakpointOpcode);
        byte[]? bytes = Encode(instruction, entry);
        if (bytes is null)
        {
            return null;
        }

        bytes.CopyTo(code, (int)(entry - codeAddress));
        Instruction decoded = Decode(bytes, entry);
        if (decoded.Code != instruction.Code || decoded.Length != bytes.Length)
        {
            return null;
        }

        int behind = (int)(entry - codeAddress) + bytes.Length;
        return new TestProgram(codeAddress, code, [behind, (int)(ForwardTarget(codeAddress) - codeAddress), 0], [decoded], entry);
    }

    /// <summary>Length of the code of <see cref="FromInstruction"/>.</summary>
    public const int SingleLength = 48;

    public static ulong EntryFor(ulong codeAddress) => codeAddress + 8;

    /// <summary>Where exit 1 of <see cref="FromInstruction"/> lies.</summary>
    public static ulong ForwardTarget(ulong codeAddress) => codeAddress + 40;

    /// <summary>Straight code as given, with one terminator behind it. Branch targets are addresses of instructions in the list or its end.</summary>
    public static TestProgram FromBytes(ulong codeAddress, byte[] bytes, int entryOffset, List<int> terminators)
    {
        var instructions = new List<Instruction>();
        ulong address = codeAddress + (ulong)entryOffset;
        while (address < codeAddress + (ulong)bytes.Length && !terminators.Contains((int)(address - codeAddress)))
        {
            Instruction decoded = Decode(bytes.AsSpan((int)(address - codeAddress)).ToArray(), address);
            if (decoded.IsInvalid)
            {
                break;
            }

            instructions.Add(decoded);
            address = decoded.NextIP;
        }

        return new TestProgram(codeAddress, bytes, terminators, instructions, codeAddress + (ulong)entryOffset);
    }

    public static byte[]? Encode(in Instruction instruction, ulong address)
    {
        var writer = new ListWriter();
        var encoder = Encoder.Create(64, writer);
        try
        {
            return encoder.TryEncode(instruction, address, out _, out _) ? [.. writer.Bytes] : null;
        }
        catch (ArgumentOutOfRangeException)
        {
            // Iced's encoder indexes tables by operand values that some register choices put out of range.
            return null;
        }
    }

    public static Instruction Decode(byte[] bytes, ulong address)
    {
        var decoder = Decoder.Create(64, bytes, address, DecoderOptions.None);
        decoder.Decode(out Instruction decoded);
        return decoded;
    }

    private sealed class ListWriter : CodeWriter
    {
        public List<byte> Bytes { get; } = [];

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}

/// <summary>Hands out code addresses one after the other, so that translations are not replaced before they must be.</summary>
public sealed class CodeArena
{
    // The first page stays unused: an edge value that is its address must not hit code.
    private ulong _next = TestLayout.CodeBase + TestLayout.PageSize;

    /// <summary>Counts how often the arena started over; code from an earlier lap is gone.</summary>
    public int Lap { get; private set; }

    public ulong Take(int length, CaseRandom random)
    {
        ulong address = _next + (ulong)random.Below(16);
        if (address + (ulong)length + 16 > TestLayout.CodeBase + TestLayout.CodeSize)
        {
            _next = TestLayout.CodeBase + TestLayout.PageSize;
            Lap++;
            address = _next + (ulong)random.Below(16);
        }

        _next = (address + (ulong)length + 15) & ~15ul;
        return address;
    }
}
