using System.Text;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>Prints translated blocks and returns from guest code, one line each. Any thread.</summary>
internal sealed unsafe class ExecutionTracer(int hostFd)
{
    private const long SysWrite = 1;
    private const long SysGetTid = 186;

    /// <summary>A block was added to the code cache.</summary>
    public void Translated(TranslationBlock block) =>
        Write($"[{HostCalls.Raw(SysGetTid)}] block {block.Address:x}-{block.End:x}, {block.InstructionCount} instructions, {block.OpCount} records\n");

    /// <summary>A vCPU came back from guest code.</summary>
    public void Exited(GuestThread thread, CpuExit exit)
    {
        ulong rip = thread.State->Rip;
        switch (exit)
        {
            case CpuExit.Interrupted:
                Write($"[{thread.Tid}] exit {rip:x} interrupted\n");
                break;
            case CpuExit.SystemCall:
                Write($"[{thread.Tid}] exit {rip:x} system call {thread.State->Gpr[0]}\n");
                break;
            case CpuExit.Exception:
                CpuException exception = thread.Cpu.Exception;
                Write($"[{thread.Tid}] exit {rip:x} exception {exception.Vector}, error code {exception.ErrorCode:x}, address {exception.Address:x}\n");
                break;
        }
    }

    private void Write(string line)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(line);
        fixed (byte* p = bytes)
        {
            _ = HostCalls.Raw(SysWrite, (ulong)hostFd, (ulong)p, (ulong)bytes.Length);
        }
    }
}
