using System.Globalization;
using System.Reflection;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Iced.Intel;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Runtime;

/// <summary>Skips, and says why, where the Release build has no precompiled handlers.</summary>
public sealed class PrecompiledTheoryAttribute : TheoryAttribute
{
    public PrecompiledTheoryAttribute() => Skip = PrecompiledHandlerTests.FindObstacle();
}

/// <summary>
/// The machine code crossgen2 made of the tier-0 handlers, as the command line program is shipped with it: a handler that
/// called the next one instead of jumping to it would use stack for every guest instruction.
/// </summary>
public sealed unsafe class PrecompiledHandlerTests
{
    private const int LongestHandler = 5000;

    /// <summary>These read the host's MXCSR through a pointer to machine code of ours.</summary>
    private static readonly string[] s_calling = ["Stmxcsr_m32_G", "VEX_Vstmxcsr_m32_G"];

    private static readonly string s_folder = Path.Combine(RepositoryRoot.Path, "src/Jitvmm.Cli/bin/Release/net10.0");

    [PrecompiledTheory]
    [InlineData("Jitvmm.Interpret.dll", "Jitvmm.Runtime.Interpret.Handlers")]
    [InlineData("Jitvmm.Interpret.Paged.dll", "Jitvmm.Runtime.Interpret.Paged.Handlers")]
    public void Every_handler_ends_in_a_jump(string file, string type)
    {
        List<MethodInfo> handlers = LoadHandlers(file, type);
        (ulong Start, ulong End)[] image = ImageOf(file);
        var failures = new List<string>();
        foreach (MethodInfo handler in handlers)
        {
            RuntimeHelpers.PrepareMethod(handler.MethodHandle);
            ulong code = FollowStubs((ulong)handler.MethodHandle.GetFunctionPointer(), image);
            if (!IsInside(image, code))
            {
                failures.Add($"{handler.Name} is not precompiled");
                continue;
            }

            (bool jumps, bool calls) = Scan(code, image);
            if (!jumps && GoesOn(handler) && !LeavesByCallout(handler))
            {
                failures.Add($"{handler.Name} never jumps to the next handler");
            }

            if (calls != s_calling.Contains(handler.Name))
            {
                failures.Add($"{handler.Name} {(calls ? "calls through a pointer" : "no longer calls through a pointer")}");
            }
        }

        Assert.True(handlers.Count > 5000, $"only {handlers.Count} handlers were found");
        Assert.True(failures.Count == 0, string.Join('\n', failures.Take(40)));
    }

    internal static string? FindObstacle()
    {
        string file = Path.Combine(s_folder, "Jitvmm.Interpret.dll");
        if (!File.Exists(file))
        {
            return "there is no Release build of the command line program";
        }

        using var reader = new PEReader(File.OpenRead(file));
        return reader.PEHeaders.CorHeader?.ManagedNativeHeaderDirectory.Size > 0 ? null : "the Release build could not get crossgen2";
    }

    /// <summary>The handlers of the shipped assembly, in a load context of their own: the test's own copy is not precompiled.</summary>
    private static List<MethodInfo> LoadHandlers(string file, string name)
    {
        var context = new AssemblyLoadContext("shipped");
        foreach (string dependency in new[] { "Jitvmm.Runtime", "Jitvmm.Translator", "Jitvmm.Linux" })
        {
            context.LoadFromAssemblyPath(Path.Combine(s_folder, dependency + ".dll"));
        }

        Type type = context.LoadFromAssemblyPath(Path.Combine(s_folder, file)).GetType(name, throwOnError: true)!;
        // A "_Body" is what a handler calls for instructions whose vectors would need a frame.
        return
        [
            .. type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly)
                .Where(method => method.GetParameters().Length == 3 && !method.Name.EndsWith("_Body", StringComparison.Ordinal)),
        ];
    }

    /// <summary>Whether the IL calls through a pointer (CALLI with a signature's token): what only leaves for the vCPU loop does not.</summary>
    private static bool GoesOn(MethodInfo handler)
    {
        const byte CallIndirect = 0x29;
        const byte SignatureTable = 0x11;
        byte[] code = handler.GetMethodBody()!.GetILAsByteArray()!;
        for (int i = 0; i + 4 < code.Length; i++)
        {
            if (code[i] == CallIndirect && code[i + 4] == SignatureTable)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether it asks where to go on behind a callout. In a process it never goes on, nor does HLT, and the compiler sees that.</summary>
    private static bool LeavesByCallout(MethodInfo handler)
    {
        Type blocks = handler.Module.Assembly.GetType(handler.DeclaringType!.Namespace + ".BlockHandlers", throwOnError: true)!;
        byte[] call = [0x28, .. BitConverter.GetBytes(blocks.GetMethod("After")!.MetadataToken)];
        return handler.GetMethodBody()!.GetILAsByteArray().AsSpan().IndexOf(call) >= 0;
    }

    private static (ulong Start, ulong End)[] ImageOf(string file) =>
    [
        .. File.ReadLines("/proc/self/maps").Where(line => line.EndsWith(Path.Combine(s_folder, file), StringComparison.Ordinal))
            .Select(line => line.Split(' ')[0].Split('-'))
            .Select(range => (ulong.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), ulong.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture))),
    ];

    private static bool IsInside((ulong Start, ulong End)[] image, ulong address) => Array.Exists(image, range => address >= range.Start && address < range.End);

    /// <summary>From the runtime's entry stub, which jumps, to the code.</summary>
    private static ulong FollowStubs(ulong address, (ulong Start, ulong End)[] image)
    {
        for (int hops = 0; hops < 4 && !IsInside(image, address); hops++)
        {
            Instruction instruction = Decode(address);
            if (instruction.Code == Code.Jmp_rel32_64)
            {
                address = instruction.NearBranchTarget;
            }
            else if (instruction.Code == Code.Jmp_rm64 && instruction.IsIPRelativeMemoryOperand)
            {
                // SAFETY: the stub's own jump reads this cell.
                address = *(ulong*)instruction.IPRelativeMemoryAddress;
            }
        }

        return address;
    }

    /// <summary>
    /// Follows every path of a function: whether one ends in a jump through a register or a record, and whether one calls
    /// so. Calls and jumps through cells at fixed addresses are the runtime's way to reach other methods.
    /// </summary>
    private static (bool Jumps, bool Calls) Scan(ulong entry, (ulong Start, ulong End)[] image)
    {
        bool jumps = false;
        bool calls = false;
        var seen = new HashSet<ulong>();
        var pending = new Stack<ulong>([entry]);
        while (pending.TryPop(out ulong address))
        {
            while (IsInside(image, address) && seen.Add(address) && seen.Count < LongestHandler)
            {
                Instruction instruction = Decode(address);
                address = instruction.NextIP;
                bool throughPointer = !instruction.IsIPRelativeMemoryOperand;
                switch (instruction.FlowControl)
                {
                    case FlowControl.IndirectCall:
                        calls |= throughPointer;
                        break;
                    case FlowControl.IndirectBranch:
                        jumps |= throughPointer;
                        address = 0;
                        break;
                    case FlowControl.ConditionalBranch:
                        pending.Push(instruction.NearBranchTarget);
                        break;
                    case FlowControl.UnconditionalBranch:
                        address = instruction.NearBranchTarget;
                        break;
                    case FlowControl.Return or FlowControl.Interrupt or FlowControl.Exception:
                        address = 0;
                        break;
                }
            }
        }

        return (jumps, calls);
    }

    private static Instruction Decode(ulong address)
    {
        var decoder = Decoder.Create(64, new CodeBytes((byte*)address), address);
        return decoder.Decode();
    }

    /// <summary>Executable memory of this process.</summary>
    private sealed class CodeBytes(byte* next) : CodeReader
    {
        private byte* _next = next;

        public override int ReadByte() => *_next++;
    }
}
