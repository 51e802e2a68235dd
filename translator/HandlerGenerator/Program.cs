using System.Globalization;
using System.Text;
using Iced.Intel;
using Jitvmm.HandlerGenerator;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;

// Prints every instruction form's handler as C#: `HandlerGenerator [--check] <runtime/Interpret>`; those of 16- and 32-bit code go to its folder Paged.
// What the translator asks of an opcode goes to translator/Decode.
// With --check nothing is written; the exit code is 1 when a file would change.
const RflagsBits StatusBits = RflagsBits.OF | RflagsBits.SF | RflagsBits.ZF | RflagsBits.AF | RflagsBits.CF | RflagsBits.PF;
bool check = args.Length > 0 && args[0] == "--check";
string folder = Path.Combine(args[^1], "../../translator/Decode");
string handlerClass = "Handlers";
List<(int Key, string Name)> handlers = [];
List<string> files = [];
StringBuilder body = new();
HandlerPrinter printer = new(body);
IrBuilder builder = new();
Lifter lifter = new(builder);
int inFile = 0;
bool changed = false;

// First, since the lifts use it: when it changes, build and run this again.
Write("CodeFacts.g.cs", Facts());
files.Clear();
folder = args[^1];
foreach (FormCatalog.Form form in FormCatalog.All())
{
    Operands.AddressForm address = form.Addressing == HandlerForm.BaseDisplacement ? Operands.AddressForm.BaseDisplacement : Operands.AddressForm.General;
    if (!EmitForm(form, address) || form.Prefix != HandlerForm.NoPrefix || !HandlerForms.CanFuse(form.Instruction, form.Addressing))
    {
        continue;
    }

    for (int condition = 0; condition < 16; condition++)
    {
        builder.Clear();
        Instruction branch = new() { Code = (Code)((int)Code.Jo_rel32_64 + condition * (Code.Jno_rel32_64 - Code.Jo_rel32_64)), Op0Kind = OpKind.NearBranch64 };
        if (!lifter.TryLift(form.Instruction, address) || !lifter.TryLift(branch, address))
        {
            throw new InvalidOperationException($"cannot fuse {form.Instruction.Code} with {branch.Code}");
        }

        Emit(form, StatusFlags.All, condition);
        Emit(form, StatusFlags.None, condition);
    }
}

Finish("HandlerTable");
folder = Path.Combine(folder, "Paged");
handlerClass = "LegacyHandlers";
foreach (FormCatalog.Form form in FormCatalog.Legacy())
{
    EmitForm(form, Operands.AddressForm.Legacy);
}

Finish("LegacyTable");
return check && changed ? 1 : 0;

bool EmitForm(FormCatalog.Form form, Operands.AddressForm address)
{
    builder.Clear();
    if (!lifter.TryLift(form.Instruction, address))
    {
        return false;
    }

    bool writesFlags = (form.Instruction.RflagsModified & StatusBits) != RflagsBits.None;
    Emit(form, writesFlags ? StatusFlags.All : StatusFlags.None, HandlerForm.NotFused);
    if (writesFlags)
    {
        Emit(form, StatusFlags.None, HandlerForm.NotFused);
    }

    return true;
}

void Finish(string tableClass)
{
    Flush();
    handlers.Sort();
    Write($"{tableClass}.g.cs", Table(tableClass));
    foreach (string stale in Directory.GetFiles(folder, $"{handlerClass}.*.g.cs").Where(path => !files.Contains(Path.GetFileName(path))))
    {
        changed = true;
        if (!check)
        {
            File.Delete(stale);
        }
    }

    Console.WriteLine($"{handlers.Count} handlers in {files.Count} files{(changed ? ", changed" : ", no change")}");
    handlers.Clear();
    files.Clear();
}

void Emit(FormCatalog.Form form, StatusFlags liveOut, int condition)
{
    string addressing = form.Addressing switch { HandlerForm.BaseDisplacement => "_B", HandlerForm.General => "_G", HandlerForm.Legacy => "_L", _ => "" };
    string prefix = form.Prefix switch { HandlerForm.LockOrRep => "_P", HandlerForm.Repne => "_N", HandlerForm.StackOnly => "_S", _ => "" };
    string fused = condition == HandlerForm.NotFused ? "" : "_J" + ((Condition)condition).ToString();
    bool flags = liveOut != StatusFlags.None;
    string name = $"{form.Instruction.Code}{addressing}{prefix}{fused}{(flags ? "_F" : "")}";
    printer.Print(name, builder.Code, liveOut);
    handlers.Add((HandlerForm.Key((int)form.Instruction.Code, form.Addressing, form.Prefix, flags, condition), name));
    if (++inFile == 500)
    {
        Flush();
    }
}

void Flush()
{
    if (inFile == 0)
    {
        return;
    }

    string text = Header() + "/// <summary>Tier-0 handlers, printed from the lifts.</summary>\npublic static unsafe partial class " + handlerClass + "\n{\n"
        + body.ToString().TrimEnd() + "\n}\n";
    Write(string.Create(CultureInfo.InvariantCulture, $"{handlerClass}.{files.Count:00}.g.cs"), text);
    body.Clear();
    inFile = 0;
}

void Write(string name, string text)
{
    files.Add(name);
    string path = Path.Combine(folder, name);
    if (File.Exists(path) && File.ReadAllText(path) == text)
    {
        return;
    }

    changed = true;
    if (!check)
    {
        File.WriteAllText(path, text);
    }
}

string Header() => Usings() + (handlerClass == "Handlers" ? TwoNamespaces() : """
    using GuestMemory = Jitvmm.Runtime.Memory.PagedMemory;

    namespace Jitvmm.Runtime.Interpret.Paged;


    """);

string Usings() => """
    // <auto-generated>Printed by translator/HandlerGenerator from the lifts; do not edit.</auto-generated>
    #nullable disable
    #pragma warning disable
    using System.Runtime.CompilerServices;
    using System.Runtime.Intrinsics;
    using Jitvmm.Runtime.CodeCache;
    using Jitvmm.Runtime.Cpu;
    using Jitvmm.Runtime.Execution;

    """;

// These files are compiled once for each kind of guest memory.
string TwoNamespaces() => """
    #if !PAGED
    using GuestMemory = Jitvmm.Runtime.Memory.DirectMemory;

    namespace Jitvmm.Runtime.Interpret;
    #else
    using GuestMemory = Jitvmm.Runtime.Memory.PagedMemory;

    namespace Jitvmm.Runtime.Interpret.Paged;
    #endif


    """;

string Table(string tableClass)
{
    // Methods of 8 handlers: precompiled code resolves all function addresses of a method when it is first run.
    const int PerGroup = 8;
    StringBuilder text = new(Header());
    text.Append("/// <summary>Finds handlers by <see cref=\"HandlerForm\"/> key.</summary>\npublic static unsafe partial class " + tableClass + "\n{\n");
    text.Append("    private static ReadOnlySpan<int> Keys =>\n    [\n");
    foreach ((int key, string name) in handlers)
    {
        text.Append(CultureInfo.InvariantCulture, $"        {key}, // {name}\n");
    }

    text.Append("    ];\n}\n\npublic static unsafe partial class " + handlerClass + "\n{\n");
    int groups = (handlers.Count + PerGroup - 1) / PerGroup;
    text.Append("    internal static nint AddressOf(int index) => (index / 8) switch\n    {\n");
    for (int group = 0; group < groups; group++)
    {
        text.Append(CultureInfo.InvariantCulture, $"        {group} => Group{group}(index % 8),\n");
    }

    text.Append("        _ => 0,\n    };\n");
    for (int group = 0; group < groups; group++)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n    private static nint Group{group}(int index) => index switch\n    {{\n");
        for (int i = 0; i < PerGroup && group * PerGroup + i < handlers.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"        {i} => (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&{handlers[group * PerGroup + i].Name},\n");
        }

        text.Append("        _ => 0,\n    };\n");
    }

    return text.Append("}\n").ToString();
}

string Facts()
{
    Code[] codes = Enum.GetValues<Code>();
    StringBuilder text = new("""
        // <auto-generated>Printed by translator/HandlerGenerator from Iced's tables; do not edit.</auto-generated>
        namespace Jitvmm.Translator.Decode;

        public static partial class CodeFacts
        {
            private static ReadOnlySpan<ulong> Table =>
            [

        """);
    foreach (Code code in codes)
    {
        text.Append(CultureInfo.InvariantCulture, $"        0x{CodeFacts.Pack(code.ToOpCode()):x}, // {code}\n");
    }

    return text.Append("    ];\n}\n").ToString();
}
