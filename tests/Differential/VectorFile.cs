using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Jitvmm.Tests.Differential;

/// <summary>One recorded case: code, input state and what the host CPU made of it.</summary>
public sealed record TestVector(string Name, TestProgram Program, CaseInput Input, CaseOutput Expected);

/// <summary>
/// Text files of test vectors, so that what once failed is checked without the oracle. A vector is a block of lines:
/// <code>
/// case NAME
/// code ADDRESS ENTRY-OFFSET EXIT-OFFSETS BYTES
/// memory SEED
/// in FIELD=HEX ...         (fields that differ from the default: zero, with the usual MXCSR, control word and segment bases)
/// patch ADDRESS BYTES
/// out FIELD=HEX ...        (fields that differ from the input)
/// end exit=N               (or end trap=V error=E address=A)
/// line OFFSET BYTES        (changed memory)
/// </code>
/// </summary>
public static unsafe class VectorFile
{
    public const uint DefaultMxcsr = 0x1f80;

    private const ushort DefaultControlWord = 0x37f;

    private static readonly (string Name, int Offset, int Length)[] s_fields = Fields();

    public static string Write(string name, TestProgram program, CaseInput* input, CaseOutput* expected)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"case {name}\n");
        foreach (string line in Difference.Disassemble(program).Split('\n'))
        {
            text.Append(CultureInfo.InvariantCulture, $"# {line.Trim()}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"code {program.CodeAddress:x} {program.Entry - program.CodeAddress} {string.Join(',', program.Terminators)} {Convert.ToHexStringLower(program.Code)}\n");
        text.Append(CultureInfo.InvariantCulture, $"memory {program.MemorySeed:x}\nin");
        MachineState usual = DefaultState();
        AppendDifferent(text, &usual, &input->State);
        for (int i = 0; i < (int)input->PatchCount; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"\npatch {input->PatchAddress[i]:x} {Bytes(input->PatchData + TestLayout.LineSize * i)}");
        }

        text.Append("\nout");
        AppendDifferent(text, &input->State, &expected->State);
        text.Append(expected->Signal == 0
            ? string.Create(CultureInfo.InvariantCulture, $"\nend exit={expected->ExitIndex}\n")
            : string.Create(CultureInfo.InvariantCulture, $"\nend trap={expected->Trap:x} error={expected->Error:x} address={expected->FaultAddress:x}\n"));
        for (int i = 0; i < (int)Math.Min(expected->LineCount, TestLayout.MaxLines); i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"line {expected->LineOffset[i]:x} {Bytes(expected->Line + TestLayout.LineSize * i)}\n");
        }

        return text.Append('\n').ToString();
    }

    public static IEnumerable<TestVector> Read(string path)
    {
        var block = new List<string>();
        foreach (string line in File.ReadLines(path).Append(""))
        {
            if (line.Length > 0)
            {
                block.Add(line);
            }
            else if (block.Count > 0)
            {
                yield return Parse(block);
                block.Clear();
            }
        }
    }

    private static MachineState DefaultState() => new()
    {
        FsBase = CaseGenerator.FsBase,
        GsBase = CaseGenerator.GsBase,
        Mxcsr = DefaultMxcsr,
        ControlWord = DefaultControlWord,
        ComponentsInUse = 7,
    };

    private static void AppendDifferent(StringBuilder text, MachineState* before, MachineState* after)
    {
        foreach ((string field, int offset, int length) in s_fields)
        {
            var old = new ReadOnlySpan<byte>((byte*)before + offset, length);
            if (!old.SequenceEqual(new ReadOnlySpan<byte>((byte*)after + offset, length)))
            {
                Append(text, field, (byte*)after + offset, length);
            }
        }
    }

    private static TestVector Parse(List<string> block)
    {
        string name = "";
        TestProgram? program = null;
        ulong seed = 0;
        CaseInput input = default;
        CaseOutput expected = default;
        expected.ExitIndex = CaseOutput.NoExit;
        foreach (string line in block)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words[0])
            {
                case "case":
                    name = words[1];
                    break;
                case "code":
                    program = TestProgram.FromBytes(Number(words[1]), Convert.FromHexString(words[4]), int.Parse(words[2], CultureInfo.InvariantCulture), [.. words[3].Split(',').Select(int.Parse)]);
                    break;
                case "memory":
                    seed = Number(words[1]);
                    break;
                case "in":
                    input.State = DefaultState();
                    ReadFields(words, &input.State);
                    expected.State = input.State;
                    break;
                case "patch":
                    input.PatchAddress[input.PatchCount] = Number(words[1]);
                    Convert.FromHexString(words[2]).CopyTo(new Span<byte>(input.PatchData + TestLayout.LineSize * (int)input.PatchCount++, TestLayout.LineSize));
                    break;
                case "out":
                    ReadFields(words, &expected.State);
                    break;
                case "end":
                    ReadEnd(words, &expected);
                    break;
                case "line":
                    expected.LineOffset[expected.LineCount] = (uint)Number(words[1]);
                    Convert.FromHexString(words[2]).CopyTo(new Span<byte>(expected.Line + TestLayout.LineSize * (int)expected.LineCount++, TestLayout.LineSize));
                    break;
                case "#":
                    break;
                default:
                    throw new FormatException($"A vector has no line '{words[0]}'.");
            }
        }

        program = program ?? throw new FormatException($"Vector {name} has no code.");
        program.MemorySeed = seed;
        return new TestVector(name, program, input, expected);
    }

    private static void ReadEnd(string[] words, CaseOutput* expected)
    {
        foreach (string word in words.AsSpan(1))
        {
            (string key, ulong value) = Pair(word);
            switch (key)
            {
                case "exit":
                    expected->ExitIndex = (uint)value;
                    break;
                case "trap":
                    expected->Signal = 1;
                    expected->Trap = value;
                    break;
                case "error":
                    expected->Error = value;
                    break;
                default:
                    expected->FaultAddress = value;
                    break;
            }
        }
    }

    private static (string Key, ulong Value) Pair(string word)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        return (word[..equals], Number(word[(equals + 1)..]));
    }

    private static void ReadFields(string[] words, MachineState* state)
    {
        foreach (string word in words.AsSpan(1))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            string name = word[..equals];
            (_, int offset, int length) = s_fields.Single(field => field.Name == name);
            byte[] value = Convert.FromHexString(word[(equals + 1)..].PadLeft(2 * length, '0'));
            Array.Reverse(value);
            value.CopyTo(new Span<byte>((byte*)state + offset, length));
        }
    }

    private static ulong Number(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static string Bytes(byte* line) => Convert.ToHexStringLower(new ReadOnlySpan<byte>(line, TestLayout.LineSize));

    private static void Append(StringBuilder text, string name, byte* value, int length)
    {
        string digits = Comparator.HexBytes(value, length).TrimStart('0');
        text.Append(CultureInfo.InvariantCulture, $" {name}={(digits.Length == 0 ? "0" : digits)}");
    }

    private static (string, int, int)[] Fields()
    {
        var fields = new List<(string, int, int)>();
        for (int i = 0; i < 16; i++)
        {
            fields.Add(($"r{i}", 8 * i, 8));
        }

        fields.AddRange([("rip", 128, 8), ("flags", 136, 8), ("fs", 144, 8), ("gs", 152, 8), ("cw", 192, 2), ("sw", 194, 2), ("tags", 196, 1), ("mxcsr", 216, 4)]);
        for (int i = 0; i < 8; i++)
        {
            fields.Add(($"st{i}", MachineState.StOffset + 16 * i, 10));
        }

        for (int i = 0; i < 16; i++)
        {
            fields.Add(($"x{i}", MachineState.XmmOffset + 16 * i, 16));
            fields.Add(($"y{i}", MachineState.YmmHighOffset + 16 * i, 16));
        }

        return [.. fields];
    }
}
