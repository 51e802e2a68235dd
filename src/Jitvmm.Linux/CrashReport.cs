using System.Text;
using Iced.Intel;
using Jitvmm.Linux.Mappings;
using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>What is printed on standard error when a guest dies of a fault: signal, registers, instruction, mapping, backtrace.</summary>
internal static unsafe class CrashReport
{
    private const int MaxFrames = 32;
    private const int MaxInstruction = 15;

    private static readonly string[] s_registers =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    public static void Write(LinuxProcess process, GuestThread thread, in SignalInfo info, in SignalFault fault)
    {
        CpuState* cpu = thread.State;
        StringBuilder text = new();
        text.Append("jitvmm: the guest (process ").Append(process.Pid).Append(", thread ").Append(thread.Tid).Append(") died of ");
        text.Append(Signal.NameOf(info.Signal)).Append(", code ").Append(info.Code);
        if (info.Signal is Signal.SIGSEGV or Signal.SIGBUS && fault.Trap == 14)
        {
            text.Append(", ").Append((fault.ErrorCode & 16) != 0 ? "fetching" : (fault.ErrorCode & 2) != 0 ? "writing" : "reading");
            text.Append(" 0x").Append(fault.Address.ToString("x"));
            AppendPlace(text.Append(" in "), process, fault.Address);
        }

        text.Append('\n');
        if (thread.Cpu.FaultedInCompiledCode)
        {
            text.Append("  registers as at the entry of the compiled code that faulted; --checked or --tier 0 gives exact ones\n");
        }

        for (int i = 0; i < 16; i++)
        {
            text.Append("  ").Append(s_registers[i].PadRight(3)).Append(' ').Append(cpu->Gpr[i].ToString("x16"));
            text.Append(i % 4 == 3 ? "\n" : "");
        }

        text.Append("  rip ").Append(cpu->Rip.ToString("x16")).Append("  flags ").Append(cpu->ReadFlags().ToString("x"));
        text.Append("  fs ").Append(cpu->FsBase.ToString("x")).Append('\n');
        AppendInstruction(text, thread, cpu->Rip);
        AppendBacktrace(text, process, thread);
        byte[] bytes = Encoding.UTF8.GetBytes(text.ToString());
        int fd = process.Tracer?.HostFd ?? process.ErrorStream;
        fixed (byte* p = bytes)
        {
            _ = HostCalls.Raw(1, (ulong)fd, (ulong)p, (ulong)bytes.Length);
        }
    }

    private static void AppendInstruction(StringBuilder text, GuestThread thread, ulong rip)
    {
        byte[] code = new byte[MaxInstruction];
        int length = 0;
        while (length < MaxInstruction && thread.TryRead(rip + (ulong)length, out code[length]))
        {
            length++;
        }

        text.Append("  at ").Append(rip.ToString("x")).Append(": ");
        if (length == 0)
        {
            text.Append("(not readable)");
        }
        else
        {
            Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(64, new ByteArrayCodeReader(code, 0, length));
            decoder.IP = rip;
            Instruction instruction = decoder.Decode();
            StringOutput output = new();
            new NasmFormatter().Format(in instruction, output);
            text.Append(instruction.IsInvalid ? "(no instruction)" : output.ToString());
        }

        AppendPlace(text.Append("  in "), thread.Process, rip);
        text.Append('\n');
    }

    private static void AppendBacktrace(StringBuilder text, LinuxProcess process, GuestThread thread)
    {
        text.Append("  backtrace by frame pointers:\n");
        ulong frame = thread.State->Gpr[5];
        ulong previous = thread.State->Gpr[4];
        for (int i = 0; i < MaxFrames && frame >= previous && (frame & 7) == 0; i++)
        {
            if (!thread.TryRead(frame, out ulong next) || !thread.TryRead(frame + 8, out ulong returnAddress) || process.Map.Find(returnAddress) == null)
            {
                break;
            }

            AppendPlace(text.Append("    ").Append(returnAddress.ToString("x")).Append("  "), process, returnAddress);
            text.Append('\n');
            previous = frame + 16;
            frame = next;
        }
    }

    private static void AppendPlace(StringBuilder text, LinuxProcess process, ulong address)
    {
        Vma? area = process.Map.Find(address);
        if (area == null)
        {
            text.Append("no mapping");
            return;
        }

        text.Append(area.File?.Path ?? "anonymous memory").Append(" (").Append(area.Start.ToString("x")).Append('-').Append(area.End.ToString("x"));
        text.Append(", ").Append(area.Access).Append(", +0x").Append((address - area.Start + area.Offset).ToString("x")).Append(')');
    }
}
