using System.Globalization;
using System.Text;
using Iced.Intel;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Differential;

/// <summary>Puts a disagreement into words: the code, the inputs it reads, and expected against got.</summary>
public sealed unsafe class Difference(TestProgram program, Comparator comparator)
{
    private static readonly string[] s_gprNames =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    public string Describe(CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"  code   {Disassemble(program)}\n");
        DescribeInputs(text, input);
        DescribeOutcome(text, expected, actual);
        UndefinedState undefined = comparator.UndefinedAfter(input, expected);
        DescribeRegisters(text, expected, actual, undefined);
        DescribeX87(text, &expected->State, &actual->State, undefined);
        if (!comparator.SameMemory(input, expected, actual))
        {
            DescribeMemory(text, input, expected, actual);
        }

        return text.ToString();
    }

    /// <summary>A few words to group failures by: how the outcomes differ, or which parts of the state.</summary>
    public string Cause(CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        if (!comparator.SameOutcome(expected, actual))
        {
            string left = Kind(expected);
            string right = Kind(actual);
            return left == right ? $"{left}, but elsewhere" : $"{left} expected, got {right}";
        }

        UndefinedState undefined = comparator.UndefinedAfter(input, expected);
        MachineState* a = &expected->State;
        MachineState* b = &actual->State;
        var parts = new List<string>();
        ulong flags = (a->Flags ^ b->Flags) & Comparator.ComparedFlags & ~undefined.Flags;
        bool gpr = false;
        bool vectors = false;
        bool st = false;
        for (int i = 0; i < 16; i++)
        {
            gpr |= a->Gpr[i] != b->Gpr[i];
            vectors |= Vector(a, i) != Vector(b, i);
            st |= i < 8 && !Comparator.SameSt(a, b, i, undefined);
        }

        AddIf(parts, gpr, "registers");
        AddIf(parts, flags != 0, "flags");
        AddIf(parts, vectors, "vectors");
        AddIf(parts, ((a->Mxcsr ^ b->Mxcsr) & 0xffff) != 0, string.Create(CultureInfo.InvariantCulture, $"mxcsr bits {(a->Mxcsr ^ b->Mxcsr) & 0xffff:x}"));
        AddIf(parts, st, "x87 values");
        AddIf(parts, ((a->StatusWord ^ b->StatusWord) & ~undefined.StatusWord) != 0, "x87 status");
        AddIf(parts, a->ValidMask != b->ValidMask, "x87 tags");
        AddIf(parts, a->ControlWord != b->ControlWord, "x87 control");
        AddIf(parts, !comparator.SameMemory(input, expected, actual), "memory");
        AddIf(parts, a->FsBase != b->FsBase || a->GsBase != b->GsBase, "segment bases");
        return $"{string.Join(", ", parts)}{(expected->Signal != 0 ? $" at {Kind(expected)}" : "")}";
    }

    private static string Kind(CaseOutput* output) => Outcome(output).Split(" at ")[0].Split('(')[0];

    private static void AddIf(List<string> parts, bool condition, string part)
    {
        if (condition)
        {
            parts.Add(part);
        }
    }

    public static string Disassemble(TestProgram program)
    {
        var formatter = new NasmFormatter();
        var output = new StringOutput();
        var text = new StringBuilder();
        foreach (Instruction instruction in program.Instructions)
        {
            formatter.Format(instruction, output);
            int offset = (int)(instruction.IP - program.CodeAddress);
            string bytes = Convert.ToHexStringLower(program.Code.AsSpan(offset, instruction.Length));
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length > 0 ? "\n         " : "")}{output.ToStringAndReset()}   [{bytes}]");
        }

        return text.ToString();
    }

    private void DescribeInputs(StringBuilder text, CaseInput* input)
    {
        MachineState* state = &input->State;
        text.Append(CultureInfo.InvariantCulture, $"  input  flags={Comparator.Flags(state->Flags)}");
        var factory = new InstructionInfoFactory();
        var seen = new HashSet<Register>();
        bool x87 = false;
        bool vectors = false;
        foreach (Instruction instruction in program.Instructions)
        {
            foreach (UsedRegister used in factory.GetInfo(instruction).GetUsedRegisters())
            {
                Register register = used.Register.GetFullRegister();
                x87 |= register.IsST() || register.IsMM();
                vectors |= register.IsVectorRegister();
                if (!seen.Add(register))
                {
                    continue;
                }

                if (register.IsGPR64())
                {
                    text.Append(CultureInfo.InvariantCulture, $" {s_gprNames[register.GetNumber()]}={state->Gpr[register.GetNumber()]:x}");
                }
                else if (register.IsVectorRegister())
                {
                    int n = register.GetNumber();
                    text.Append(CultureInfo.InvariantCulture, $"\n         v{n}={Vector(state, n)}");
                }
            }

            x87 |= Array.IndexOf(instruction.CpuidFeatures, CpuidFeature.FPU) >= 0;
        }

        text.Append(vectors ? string.Create(CultureInfo.InvariantCulture, $" mxcsr={state->Mxcsr:x}") : "");
        if (x87)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n         cw={state->ControlWord:x} sw={state->StatusWord:x} tags={state->ValidMask:x2}");
            for (int i = 0; i < 8; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $" st{i}={St(state, i)}");
            }
        }

        for (int i = 0; i < (int)input->PatchCount; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n         [{input->PatchAddress[i]:x}]={Comparator.HexBytes(input->PatchData + TestLayout.LineSize * i, 32)}");
        }

        text.Append('\n');
    }

    private void DescribeOutcome(StringBuilder text, CaseOutput* expected, CaseOutput* actual)
    {
        if (!comparator.SameOutcome(expected, actual) || expected->Signal != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"  ends   expected {Outcome(expected)}; got {Outcome(actual)}\n");
        }
    }

    public static string Outcome(CaseOutput* output)
    {
        if (output->Signal == 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"exit {output->ExitIndex}");
        }

        string what = output->Trap switch
        {
            0 => "#DE",
            1 => "#DB",
            3 => "#BP",
            6 => "#UD",
            12 => "#SS",
            13 => "#GP",
            14 => string.Create(CultureInfo.InvariantCulture, $"#PF({((output->Error & 2) != 0 ? "write" : "read")} {output->FaultAddress:x})"),
            16 => "#MF",
            17 => "#AC",
            19 => "#XM",
            >= 256 => $"engine exit {(CpuExit)(output->Trap - 256)}",
            _ => string.Create(CultureInfo.InvariantCulture, $"trap {output->Trap}"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{what}{(output->Signal == 14 ? " (timeout)" : "")} at {output->State.Rip:x}");
    }

    private static void DescribeRegisters(StringBuilder text, CaseOutput* expected, CaseOutput* actual, UndefinedState undefined)
    {
        MachineState* left = &expected->State;
        MachineState* right = &actual->State;
        for (int i = 0; i < 16; i++)
        {
            Append(text, s_gprNames[i], left->Gpr[i], right->Gpr[i]);
        }

        const ulong Shown = 0x8d5 | 0x400 | (1 << 14) | (1 << 18) | (1 << 21);
        ulong mask = Shown & ~undefined.Flags;
        if (((left->Flags ^ right->Flags) & mask) != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"  flags  expected {Comparator.Flags(left->Flags & mask)}; got {Comparator.Flags(right->Flags & mask)}\n");
        }

        Append(text, "fsbase", left->FsBase, right->FsBase);
        Append(text, "gsbase", left->GsBase, right->GsBase);
        Append(text, "mxcsr", left->Mxcsr & 0xffff, right->Mxcsr & 0xffff);
        for (int i = 0; i < 16; i++)
        {
            string a = Vector(left, i);
            string b = Vector(right, i);
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $"  v{i}\n    expected {a}\n    got      {b}\n");
            }
        }
    }

    private static void DescribeX87(StringBuilder text, MachineState* left, MachineState* right, UndefinedState undefined)
    {
        Append(text, "cw", left->ControlWord, right->ControlWord);
        Append(text, "sw", left->StatusWord & ~(uint)undefined.StatusWord, right->StatusWord & ~(uint)undefined.StatusWord);
        Append(text, "tags", left->ValidMask, right->ValidMask);
        for (int i = 0; i < 8; i++)
        {
            if (!Comparator.SameSt(left, right, i, undefined))
            {
                text.Append(CultureInfo.InvariantCulture, $"  st{i}    expected {St(left, i)}; got {St(right, i)}\n");
            }
        }
    }

    private void DescribeMemory(StringBuilder text, CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        var before = new byte[TestLayout.DataSize];
        var left = new byte[TestLayout.DataSize];
        var right = new byte[TestLayout.DataSize];
        fixed (byte* target = before)
        {
            TestMemory.Fill(target, program.MemorySeed);
            TestMemory.Patch(target, input);
        }

        before.CopyTo(left, 0);
        before.CopyTo(right, 0);
        Overlay(left, expected);
        Overlay(right, actual);
        int shown = 0;
        for (int i = 0; i < left.Length && shown < 4; i++)
        {
            if (left[i] != right[i])
            {
                int length = Math.Min(16, left.Length - i);
                text.Append(CultureInfo.InvariantCulture, $"  [{TestLayout.DataBase + (ulong)i:x}] was {Convert.ToHexStringLower(before, i, length)} expected {Convert.ToHexStringLower(left, i, length)} got {Convert.ToHexStringLower(right, i, length)}\n");
                i += length - 1;
                shown++;
            }
        }
    }

    private static void Overlay(byte[] memory, CaseOutput* output)
    {
        int kept = (int)Math.Min(output->LineCount, TestLayout.MaxLines);
        for (int i = 0; i < kept; i++)
        {
            new ReadOnlySpan<byte>(output->Line + TestLayout.LineSize * i, TestLayout.LineSize).CopyTo(memory.AsSpan((int)output->LineOffset[i]));
        }
    }

    private static void Append(StringBuilder text, string name, ulong expected, ulong actual)
    {
        if (expected != actual)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {name,-6} expected {expected:x}; got {actual:x}\n");
        }
    }

    private static string Vector(MachineState* state, int index)
    {
        return $"{Comparator.HexBytes(MachineState.YmmHigh(state, index), 16)}:{Comparator.HexBytes(MachineState.Xmm(state, index), 16)}";
    }

    private static string St(MachineState* state, int index)
    {
        byte* value = MachineState.St(state, index);
        return string.Create(CultureInfo.InvariantCulture, $"{*(ushort*)(value + 8):x4}:{*(ulong*)value:x16}");
    }
}
