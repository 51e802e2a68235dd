using System.Globalization;
using System.Reflection;
using System.Text;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;

namespace Jitvmm.HandlerGenerator;

/// <summary>Prints the IR of one form as the body of a C# handler.</summary>
internal sealed class HandlerPrinter(StringBuilder output)
{
    private const string Indent = "        ";
    private IrInstruction[] _code = [];

    /// <summary>Expressions of pure operations with one user, printed in its place.</summary>
    private string?[] _inlined = [];

    private bool _isBody;
    private int _modified;
    private string _modifiedAddress = "";

    /// <summary>Prints a handler method; <paramref name="liveOut"/> are the status flags it must leave.</summary>
    public void Print(string name, ReadOnlySpan<IrInstruction> code, StatusFlags liveOut)
    {
        _code = code.ToArray();
        _modified = -1;
        _inlined = new string?[code.Length];
        int[] used = new int[code.Length];
        DeadCode.Mark(code, new FlagDemand(liveOut, StatusFlags.None), used);
        _isBody = CallsVectorMethod(used);
        if (_isBody)
        {
            output.Append("    public static int ").Append(name).Append("(CpuState* cpu, TbOp* op, byte* mem)\n    {\n");
            Line($"int exit = {name}_Body(cpu, op, mem);");
            Line("if (exit >= 0)");
            Line("{");
            Line("    return exit;");
            Line("}");
            output.Append('\n');
            Line("if (exit == BlockHandlers.Missed)");
            Line("{");
            Line("    return BlockHandlers.MissNoted(cpu, op, mem);");
            Line("}");
            output.Append('\n');
            PrintNext();
            output.Append("    }\n\n    [MethodImpl(MethodImplOptions.NoInlining)]\n    private static int ").Append(name).Append("_Body(CpuState* cpu, TbOp* op, byte* mem)\n    {\n");
        }
        else
        {
            output.Append("    public static int ").Append(name).Append("(CpuState* cpu, TbOp* op, byte* mem)\n    {\n");
        }

        bool ended = false;
        if (MayFault(used))
        {
            output.Append(Indent).Append("cpu->CurrentOp = (nint)op;\n");
        }

        for (int i = 0; i < _code.Length; i++)
        {
            if (used[i] == 1 && IsArithmetic(_code[i]))
            {
                _inlined[i] = $"({Expression(_code[i])})";
            }
            else if (used[i] > 0)
            {
                ended |= PrintOperation(i);
            }
        }

        if (!ended && _isBody)
        {
            Line("return -1;");
        }
        else if (!ended)
        {
            PrintNext();
        }

        output.Append("    }\n\n");
    }

    private void PrintNext()
    {
        Line("op++;");
        Line("return op->Handler(cpu, op, mem);");
    }

    /// <summary>
    /// Whether a method of ours takes or returns vectors. Unless it is inlined, which cannot be relied on, they
    /// travel through the caller's frame, and a method whose frame is exposed makes no tail jump: so the body
    /// gets a frame of its own, and the handler that calls it stays free of one.
    /// </summary>
    private bool CallsVectorMethod(int[] used)
    {
        for (int i = 0; i < _code.Length; i++)
        {
            if (used[i] > 0 && _code[i] is { Opcode: IrOpcode.Call, Method: { } method }
                && method.DeclaringType!.Namespace!.StartsWith("Jitvmm", StringComparison.Ordinal)
                && (method.ReturnType.IsGenericType || Array.Exists(method.GetParameters(), parameter => parameter.ParameterType.IsGenericType)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an operation may move to its user: it reads no state that a write in between could change.</summary>
    private static bool IsArithmetic(in IrInstruction op) => op.Opcode switch
    {
        IrOpcode.Get or IrOpcode.Cpu => false,
        _ => !DeadCode.HasEffect(op),
    };

    private bool MayFault(int[] used)
    {
        for (int i = 0; i < _code.Length; i++)
        {
            if (used[i] > 0 && _code[i].Opcode is IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer
                || _code[i].Opcode == IrOpcode.Call && !DeadCode.IsPure(_code[i]) || _code[i].Opcode == IrOpcode.ExitCall)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Prints one operation; true when it ends the handler.</summary>
    private bool PrintOperation(int index)
    {
        ref readonly IrInstruction op = ref _code[index];
        switch (op.Opcode)
        {
            case IrOpcode.Cpu:
                return false;
            case IrOpcode.Set:
                Line($"*({StateType(op.Width)}*){Place(op.State)} = {Cast(StateType(op.Width), op.A)};");
                return false;
            case IrOpcode.Store:
                PrintStore(op);
                return false;
            case IrOpcode.Load:
                PrintLoad(op, index);
                return false;
            case IrOpcode.Pointer:
                PrintPointer(op, index);
                return false;
            case IrOpcode.RaiseIf:
                return PrintRaise(op);
            case IrOpcode.Jump:
                PrintGoto("op->Target", Name(op.A));
                return true;
            case IrOpcode.Branch:
                PrintBranch(op);
                return true;
            case IrOpcode.JumpIndirect:
                if ((IndirectKind)op.Immediate != IndirectKind.Return)
                {
                    Line($"JumpTargets.Of(op)->Note({Name(op.A)});");
                }

                Line($"TbOp* next = Dispatch.Find(cpu, {Name(op.A)});");
                Line("if (next == null)");
                Line("{");
                Line($"    return BlockHandlers.Search(cpu, op, mem, {Name(op.A)});");
                Line("}");
                output.Append('\n');
                Line("return next->Handler(cpu, next, mem);");
                return true;
            case IrOpcode.Exit:
                Line($"cpu->Rip = {Name(op.A)};");
                if ((BlockExit)op.Immediate == BlockExit.SystemCall)
                {
                    PrintExit("BlockHandlers.SystemCall(cpu)");
                    return true;
                }

                Line($"return (int)BlockExit.{(BlockExit)op.Immediate};");
                return true;
            case IrOpcode.ExitCall:
                PrintExit(CallExpression(op));
                return true;
            case IrOpcode.Call when op.Type == IrType.None:
                Line(CallExpression(op) + ";");
                if (op.Method!.IsDefined(typeof(ChangesMemoryViewAttribute), false))
                {
                    Line("mem = cpu->MemoryBase;");
                }

                return false;
            default:
                Line($"{TypeName(op.Type)} v{index} = {Expression(op)};");
                return false;
        }
    }

    private void PrintStore(in IrInstruction op)
    {
        if (_modified == op.A)
        {
            Line($"GuestMemory.Store(cpu, mem, {_modifiedAddress}, {Cast(StateType(op.Width), op.B)});");
            return;
        }

        string address = NamedAddress(op.A);
        PrintMiss("Write", address, op.Width / 8, "");
        Line($"GuestMemory.Store(cpu, mem, {address}, {Cast(StateType(op.Width), op.B)});");
    }

    private void PrintLoad(in IrInstruction op, int index)
    {
        string address = NamedAddress(op.A);
        if (op.IsModifyingLoad)
        {
            // What allows the store allows the load.
            PrintMiss("Modify", address, op.Width / 8, "");
            Line($"{TypeName(op.Type)} v{index} = GuestMemory.Modified{op.Width}(cpu, mem, {address});");
            (_modified, _modifiedAddress) = (op.A, address);
            return;
        }

        PrintMiss("Read", address, op.Width / 8, "");
        Line($"{TypeName(op.Type)} v{index} = GuestMemory.Load{op.Width}(cpu, mem, {address});");
    }

    private void PrintPointer(in IrInstruction op, int index)
    {
        string address = NamedAddress(op.A);
        string writable = op.Width != 0 ? "true" : "false";
        PrintMiss("Pointer", address, (int)op.Immediate, $", {writable}");
        Line($"{TypeName(op.Type)} v{index} = (ulong)GuestMemory.Pointer(cpu, mem, {address}, {op.Immediate}, {writable});");
    }

    /// <summary>An address is used twice: by the test and by the access.</summary>
    private string NamedAddress(int value)
    {
        if (_inlined[value] == null)
        {
            return Name(value);
        }

        Line($"ulong a{value} = {_inlined[value]};");
        return $"a{value}";
    }

    private void PrintMiss(string access, string address, int bytes, string more)
    {
        string test = access == "Modify" ? "Write" : access;
        Line($"if (GuestMemory.Misses{test}(cpu, mem, {address}, {bytes}{more}))");
        Line("{");
        int kind = access switch { "Read" => 0, "Write" => 1, "Modify" => 2, _ => more.Contains("true", StringComparison.Ordinal) ? 2 : 0 };
        Line(_isBody
            ? $"    return BlockHandlers.Note(cpu, {address}, {(kind << 16) | bytes});"
            : $"    return BlockHandlers.Miss{(kind switch { 0 => "Read", 1 => "Write", _ => "Modify" })}(cpu, op, mem, {address}, {bytes});");
        Line("}");
        output.Append('\n');
    }

    private bool PrintRaise(in IrInstruction op)
    {
        string raise = $"return Dispatch.Raise(cpu, op, ExceptionVector.{(ExceptionVector)op.Immediate});";
        if (_code[op.A].Opcode == IrOpcode.Constant)
        {
            Line(raise);
            return true;
        }

        Line($"if ({Name(op.A)} != 0)");
        Line("{");
        Line("    " + raise);
        Line("}");
        output.Append('\n');
        return false;
    }

    private void PrintGoto(string link, string target)
    {
        Line($"TbOp* next = {link};");
        Line("if (next == null)");
        Line("{");
        Line($"    return BlockHandlers.Unlinked(cpu, op, mem, {target});");
        Line("}");
        output.Append('\n');
        Line("return next->Handler(cpu, next, mem);");
    }

    /// <summary>Leaves with what a method returns, or goes on where it led to.</summary>
    private void PrintExit(string call)
    {
        Line($"int exit = {call};");
        Line("TbOp* next = BlockHandlers.After(cpu, exit);");
        Line("if (next == null)");
        Line("{");
        Line("    return exit;");
        Line("}");
        output.Append('\n');
        Line("return next->Handler(cpu, next, cpu->MemoryBase);");
    }

    private void PrintBranch(in IrInstruction op)
    {
        if (_code[op.B].Immediate == (long)OpField.NextAddress)
        {
            // A repeated string instruction: either complete, or to be entered again through a safepoint.
            Line($"if ({Name(op.A)} == 0)");
            Line("{");
            Line("    return Dispatch.Lookup(cpu, op->Address);");
            Line("}");
            output.Append('\n');
            PrintGoto("op->Next", "op->NextAddress");
            return;
        }

        // Two tail jumps, one for each side: the host's predictor then sees two branches with their own histories.
        Line($"if ({Name(op.A)} != 0)");
        Line("{");
        Line("    TbOp* taken = op->Target;");
        Line("    if (taken == null)");
        Line("    {");
        Line("        return BlockHandlers.Unlinked(cpu, op, mem, op->BranchTarget);");
        Line("    }");
        output.Append('\n');
        Line("    return taken->Handler(cpu, taken, mem);");
        Line("}");
        output.Append('\n');
        PrintGoto("op->Next", "op->NextAddress");
    }

    private void Line(string text) => output.Append(Indent).Append(text).Append('\n');

    private string Expression(in IrInstruction op)
    {
        string type = TypeName(op.Type);
        return op.Opcode switch
        {
            IrOpcode.Constant => op.Type == IrType.I32
                ? $"0x{(uint)op.Immediate:x}u"
                : $"0x{(ulong)op.Immediate:x}ul",
            IrOpcode.Field => FieldExpression(op),
            IrOpcode.Get => $"*({StateType(op.Width)}*){Place(op.State)}",
            IrOpcode.Add => Infix(op, "+"),
            IrOpcode.Sub => Infix(op, "-"),
            IrOpcode.Mul => Infix(op, "*"),
            IrOpcode.And => Infix(op, "&"),
            IrOpcode.Or => Infix(op, "|"),
            IrOpcode.Xor => Infix(op, "^"),
            IrOpcode.ShiftLeft => $"{Name(op.A)} << (int){Name(op.B)}",
            IrOpcode.ShiftRight => $"{Name(op.A)} >> (int){Name(op.B)}",
            IrOpcode.ShiftRightSigned => $"({type})(({Signed(op.Type)}){Name(op.A)} >> (int){Name(op.B)})",
            IrOpcode.Negate => $"0 - {Name(op.A)}",
            IrOpcode.Not => $"~{Name(op.A)}",
            IrOpcode.Truncate => $"(uint){Name(op.A)}",
            IrOpcode.ZeroExtend => $"(ulong){Name(op.A)}",
            IrOpcode.SignExtend => $"(ulong)(long)(int){Name(op.A)}",
            IrOpcode.SignExtendIn => $"(uint)({(op.Width == 8 ? "sbyte" : "short")}){Name(op.A)}",
            IrOpcode.Equal => Comparison(op, "==", false),
            IrOpcode.NotEqual => Comparison(op, "!=", false),
            IrOpcode.LessUnsigned => Comparison(op, "<", false),
            IrOpcode.LessSigned => Comparison(op, "<", true),
            IrOpcode.LessEqualUnsigned => Comparison(op, "<=", false),
            IrOpcode.LessEqualSigned => Comparison(op, "<=", true),
            IrOpcode.Select => $"{Name(op.A)} != 0 ? {Name(op.B)} : {Name(op.C)}",
            IrOpcode.Call => ConvertResult(op, CallExpression(op)),
            IrOpcode.Set or IrOpcode.Store or IrOpcode.Load or IrOpcode.Pointer or IrOpcode.Cpu or IrOpcode.RaiseIf or IrOpcode.Jump or IrOpcode.Branch or IrOpcode.JumpIndirect or IrOpcode.Exit
                or IrOpcode.ExitCall => throw new InvalidOperationException($"{op.Opcode} is no expression"),
            _ => throw new InvalidOperationException($"unknown operation {op.Opcode}"),
        };
    }

    private static string FieldExpression(in IrInstruction op)
    {
        string field = (OpField)op.Immediate switch
        {
            OpField.Displacement => "op->Displacement",
            OpField.Immediate => "op->Immediate",
            OpField.Scale => "op->Scale",
            OpField.Address => "op->Address",
            OpField.NextAddress => "op->NextAddress",
            OpField.BranchTarget => "op->BranchTarget",
            OpField.Register0 => "op->R0",
            OpField.Register1 => "op->R1",
            OpField.Register2 => "op->R2",
            OpField.Register3 => "op->R3",
            OpField.Index => "op->Index",
            _ => "op->AddressMask",
        };
        return $"({TypeName(op.Type)}){field}";
    }

    private string Infix(in IrInstruction op, string symbol) => $"{Name(op.A)} {symbol} {Name(op.B)}";

    private string Comparison(in IrInstruction op, string symbol, bool signed)
    {
        string cast = signed ? $"({Signed(_code[op.A].Type)})" : "";
        return $"{cast}{Name(op.A)} {symbol} {cast}{Name(op.B)} ? 1u : 0u";
    }

    private string CallExpression(in IrInstruction op)
    {
        MethodInfo method = op.Method!;
        StringBuilder call = new();
        call.Append(TypeReference(method.DeclaringType!)).Append('.').Append(method.Name);
        if (method.IsGenericMethod)
        {
            call.Append('<').AppendJoin(", ", method.GetGenericArguments().Select(TypeReference)).Append('>');
        }

        ParameterInfo[] parameters = method.GetParameters();
        call.Append('(');
        for (int i = 0; i < parameters.Length; i++)
        {
            call.Append(i == 0 ? "" : ", ").Append(Argument(parameters[i].ParameterType, op.Arguments![i]));
        }

        return call.Append(')').ToString();
    }

    private string Argument(Type type, int value)
    {
        if (_code[value].Opcode == IrOpcode.Cpu)
        {
            return "cpu";
        }

        if (type.IsGenericType)
        {
            return $"{Name(value)}.As<byte, {TypeReference(type.GetGenericArguments()[0])}>()";
        }

        // A constant must stay one: many intrinsics need an immediate.
        ref readonly IrInstruction op = ref _code[value];
        string name = op.Opcode == IrOpcode.Constant ? Expression(op) : Name(value);
        return type == typeof(uint) || type == typeof(ulong) ? name : $"unchecked(({TypeReference(type)}){name})";
    }

    private static string ConvertResult(in IrInstruction op, string call)
    {
        Type type = op.Method!.ReturnType;
        if (type == typeof(bool))
        {
            return $"{call} ? 1u : 0u";
        }

        return type.IsGenericType ? $"{call}.As<{TypeReference(type.GetGenericArguments()[0])}, byte>()" : $"({TypeName(op.Type)}){call}";
    }

    private static string TypeReference(Type type)
    {
        if (type.IsPointer)
        {
            return TypeReference(type.GetElementType()!) + "*";
        }

        if (type.IsGenericType)
        {
            string name = type.FullName![..type.FullName!.IndexOf('`')];
            return $"global::{name}<{string.Join(", ", type.GetGenericArguments().Select(TypeReference))}>";
        }

        return "global::" + type.FullName!.Replace('+', '.');
    }

    private string Cast(string type, int value) => type is "uint" or "ulong" && TypeName(_code[value].Type) == type || type.StartsWith('V')
        ? Name(value)
        : $"({type}){Name(value)}";

    private string Name(int value) => _inlined[value] ?? string.Create(CultureInfo.InvariantCulture, $"v{value}");

    private static string Place(StateRef state) => state.Slot switch
    {
        -1 => string.Create(CultureInfo.InvariantCulture, $"((byte*)cpu + {state.Offset})"),
        0 => "((byte*)cpu + op->R0)",
        1 => "((byte*)cpu + op->R1)",
        2 => "((byte*)cpu + op->R2)",
        3 => "((byte*)cpu + op->R3)",
        4 => "((byte*)cpu + op->Base)",
        5 => "((byte*)cpu + op->Index)",
        _ => "((byte*)cpu + op->Segment)",
    };

    private static string TypeName(IrType type) => type switch
    {
        IrType.I32 => "uint",
        IrType.I64 => "ulong",
        IrType.V64 => "Vector64<byte>",
        IrType.V128 => "Vector128<byte>",
        IrType.V256 => "Vector256<byte>",
        _ => throw new InvalidOperationException("no value"),
    };

    private static string Signed(IrType type) => type == IrType.I32 ? "int" : "long";

    private static string StateType(int width) => width switch
    {
        8 => "byte",
        16 => "ushort",
        32 => "uint",
        64 => "ulong",
        128 => "Vector128<byte>",
        _ => "Vector256<byte>",
    };
}
