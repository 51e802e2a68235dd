using System.Text;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>HYPERVISOR_xen_version (xen/include/public/version.h): who Xen is and what it can do.</summary>
internal static unsafe class XenVersionCalls
{
    public const uint Major = 4;
    public const uint Minor = 17;

    private const uint Version = (Major << 16) | Minor;
    private const uint VersionCommand = 0;
    private const uint PageSizeCommand = 7;
    private const int Rdi = 7;

    private const int ExtraLength = 16;
    private const int CompilerLength = 64;
    private const int CompiledByLength = 16;
    private const int CompiledWhereLength = 32;
    private const int CompiledWhenLength = 32;
    private const int CapabilitiesLength = 1024;
    private const int ChangesetLength = 64;
    private const int CommandLineLength = 1024;
    private const int HandleLength = 16;

    // xen/include/public/features.h.
    private const uint AutoTranslated = 1u << 2;
    private const uint CallbackVector = 1u << 8;
    private const uint SafeClock = 1u << 9;

    private static readonly XenCommand[] s_commands =
    [
        new(VersionCommand, XenFeatures.None, static (in XenCall _) => Version),
        new(1, XenFeatures.None, static (in XenCall call) => Write(call, (".0", ExtraLength))),
        new(2, XenFeatures.None, static (in XenCall call) => Write(call, ("", CompilerLength), ("", CompiledByLength), ("", CompiledWhereLength), ("", CompiledWhenLength))),
        new(3, XenFeatures.None, static (in XenCall call) => Write(call, ("hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64", CapabilitiesLength))),
        new(4, XenFeatures.None, static (in XenCall call) => Write(call, ("unavailable", ChangesetLength))),
        new(5, XenFeatures.None, WritePlatform),
        new(6, XenFeatures.None, WriteFeatures),
        new(PageSizeCommand, XenFeatures.None, static (in XenCall _) => (long)GuestPages.PageSize),
        new(8, XenFeatures.None, static (in XenCall call) => Write(call, ("", HandleLength))),
        new(9, XenFeatures.None, static (in XenCall call) => Write(call, ("", CommandLineLength))),
        new(10, XenFeatures.None, static (in XenCall _) => XenError.NoData),
    ];

    private static readonly NumberBody s_number = Number;
    private static readonly Func<ulong, bool> s_isNumber = IsNumber;

    private delegate ulong NumberBody(CpuState* cpu, ulong command);

    /// <summary>As compiled code asks, where the answer is a number.</summary>
    public static HypercallBody Body { get; } = new(s_number.Method, [Rdi], XenHypercalls.NumberRegister) { Accepts = s_isNumber.Method, Examined = [Rdi] };

    public static bool IsNumber(ulong command) => (uint)command is VersionCommand or PageSizeCommand;

    public static ulong Number(CpuState* cpu, ulong command) => (uint)command == VersionCommand ? Version : GuestPages.PageSize;

    public static long Perform(in XenCall call) => XenCommand.Perform(s_commands, (uint)call.First, call);

    /// <summary>5. The first address that is Xen's own: none is, of guests with their own page tables.</summary>
    private static long WritePlatform(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        record.WriteWord(0);
        return record.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>6. One of the words of features, of which there is one.</summary>
    private static long WriteFeatures(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        uint index = record.Read32();
        if (!record.IsFaulty && index != 0)
        {
            return XenError.Invalid;
        }

        XenFeatures features = call.Domain.Features;
        record.Write32(AutoTranslated | ((features & XenFeatures.CallbackVector) != 0 ? CallbackVector : 0) | ((features & XenFeatures.Clock) != 0 ? SafeClock : 0));
        return record.IsFaulty ? XenError.Fault : 0;
    }

    private static long Write(in XenCall call, params ReadOnlySpan<(string Text, int Length)> fields)
    {
        ulong address = call.Second;
        foreach ((string text, int length) in fields)
        {
            byte[] bytes = new byte[length];
            _ = Encoding.ASCII.GetBytes(text, bytes);
            if (!call.TryWrite(address, bytes))
            {
                return XenError.Fault;
            }

            address += (uint)length;
        }

        return 0;
    }
}
